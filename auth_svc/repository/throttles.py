"""The collection `throttles`: how often somebody has tried in vain, counted where all replicas see it."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from auth_svc.repository.operation import operation
from providers.mongo.database import Database, Document


class Limit(NamedTuple):
    """How often something may be tried."""

    key: str
    """On what attempts are counted."""
    free: int
    """So many may be made at once."""
    decay: int
    """Seconds until one is forgotten."""


class Attempt(NamedTuple):
    """What became of an attempt; in seconds."""

    limit: Limit
    wait: int = 0
    """Until it may be made; 0 where it may be made now."""
    pause: int = 0
    """From now until another one after it may be made."""
    next_at: datetime | None = None
    """When that pause ends, if there is one."""


class Throttles:
    """The collection `throttles`. The clock is the database's, so that replicas need not agree on theirs.

    Its writes wait neither for the journal nor for other members, as a login makes three of them: a database that fails
    may forget the attempts of its last moments, which is a few guesses more.
    """

    def __init__(self, database: Database) -> None:
        self._throttles = database["throttles"].with_options(write_concern=WriteConcern(w=1, j=False))

    @operation()
    async def attempt(self, limit: Limit, *, longest: int) -> Attempt:
        """Count an attempt, and say whether it may be made now.

        After those that are free, each brings a pause of 1, 2, 4, … seconds, at most `longest`; what comes within a
        pause changes nothing. Counting and permitting are one operation: of many at once no more are permitted.
        """
        while True:
            try:
                document = await self._throttles.find_one_and_update(
                    {"_id": limit.key}, _counted(limit, longest), upsert=True, return_document=True
                )
            except DuplicateKeyError:  # two made the first attempt at once
                continue
            if document is None or "next_at" not in document:
                return Attempt(limit)
            pause = _seconds(document["asked_at"], document["next_at"])
            return Attempt(limit, 0 if document["permitted"] else pause, pause, document["next_at"])

    @operation()
    async def take_back(self, attempts: Iterable[Attempt]) -> None:
        """These were none in vain: they do not count, and the pauses that they began are over."""
        updates = [UpdateOne({"_id": attempt.limit.key}, _taken_back(attempt)) for attempt in attempts]
        if updates:
            await self._throttles.bulk_write(updates, ordered=False)


def _counted(limit: Limit, longest: int) -> list[Document]:
    """The update, as a pipeline: it sees the document as it is.

    What is counted is kept as the time when all of it will be forgotten, as GCRA has it (ITU-T I.371): each attempt
    moves `clear_at` by `decay`.
    """
    # Rounded, as $$NOW is when a command came: one that came earlier may be next.
    attempts = {"$round": {"$divide": [{"$subtract": ["$clear_at", "$$NOW"]}, limit.decay * 1000]}}
    # The exponent is bounded too: 2 to the power of some thousands is no number.
    pause = {"$min": [longest, {"$pow": [2, {"$min": [{"$subtract": [attempts, limit.free]}, 30]}]}]}
    later = {"$add": [{"$max": ["$clear_at", "$$NOW"]}, limit.decay * 1000]}
    return [
        {"$set": {"asked_at": "$$NOW", "permitted": {"$lte": [{"$ifNull": ["$next_at", "$$NOW"]}, "$$NOW"]}}},
        {"$set": {"clear_at": {"$cond": ["$permitted", later, "$clear_at"]}}},
        {
            "$set": {
                "next_at": {
                    "$switch": {
                        "branches": [
                            {"case": {"$not": "$permitted"}, "then": "$next_at"},
                            # No time at all, for the same reason.
                            {"case": {"$lt": [attempts, limit.free]}, "then": "$$REMOVE"},
                        ],
                        "default": {"$add": ["$$NOW", {"$multiply": [1000, pause]}]},
                    }
                }
            }
        },
    ]


def _taken_back(attempt: Attempt) -> list[Document]:
    pause = {"$cond": [{"$eq": ["$next_at", attempt.next_at]}, "$$REMOVE", "$next_at"]}
    return [{"$set": {"clear_at": {"$subtract": ["$clear_at", attempt.limit.decay * 1000]}, "next_at": pause}}]


def _seconds(asked_at: datetime, next_at: datetime) -> int:
    return max(1, math.ceil((next_at - asked_at).total_seconds()))
