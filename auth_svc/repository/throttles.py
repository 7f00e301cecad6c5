"""The collection `throttles`: failed attempts, counted for all replicas."""

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
    """A limit on attempts."""

    key: str
    """What the attempts are counted by."""
    free: int
    """Attempts allowed at once."""
    decay: int
    """Seconds until one attempt is forgotten."""


class Attempt(NamedTuple):
    """The outcome of an attempt; times in seconds."""

    limit: Limit
    wait: int = 0
    """Seconds until it is allowed; 0 if it is allowed now."""
    pause: int = 0
    """Seconds from now until another attempt is allowed."""
    next_at: datetime | None = None
    """When that pause ends, or None."""


class Throttles:
    """The collection `throttles`. It uses the database's clock, so replicas' clocks need not agree.

    Writes wait neither for the journal nor for other members, since a login makes three. A failing database may forget
    the attempts of its last moments, which allows a few more guesses.
    """

    def __init__(self, database: Database) -> None:
        self._throttles = database["throttles"].with_options(write_concern=WriteConcern(w=1, j=False))

    @operation()
    async def attempt(self, limit: Limit, *, longest: int) -> Attempt:
        """Count an attempt, and return whether it is allowed now.

        After the free attempts, each causes a pause of 1, 2, 4, … seconds, at most `longest`. An attempt during a pause
        changes nothing. Counting and allowing is one operation, so concurrent attempts are not allowed more.
        """
        while True:
            try:
                document = await self._throttles.find_one_and_update(
                    {"_id": limit.key}, _counted(limit, longest), upsert=True, return_document=True
                )
            except DuplicateKeyError:  # two first attempts at once
                continue
            if document is None or "next_at" not in document:
                return Attempt(limit)
            pause = _seconds(document["asked_at"], document["next_at"])
            return Attempt(limit, 0 if document["permitted"] else pause, pause, document["next_at"])

    @operation()
    async def take_back(self, attempts: Iterable[Attempt]) -> None:
        """These attempts succeeded: they do not count, and the pauses that they caused end."""
        updates = [UpdateOne({"_id": attempt.limit.key}, _taken_back(attempt)) for attempt in attempts]
        if updates:
            await self._throttles.bulk_write(updates, ordered=False)


def _counted(limit: Limit, longest: int) -> list[Document]:
    """The update, as a pipeline, which can read the current document.

    The count is stored as the time when all attempts will be forgotten, as in GCRA (ITU-T I.371): each attempt moves
    moves `clear_at` by `decay`.
    """
    # Rounded: $$NOW is the time when a command arrived, and commands may be executed in another order.
    attempts = {"$round": {"$divide": [{"$subtract": ["$clear_at", "$$NOW"]}, limit.decay * 1000]}}
    # The exponent is bounded: 2 to the power of thousands overflows.
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
                            # No pause, for the same reason.
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
