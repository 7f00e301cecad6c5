"""The collection `throttles`: how often somebody has tried in vain, counted where all replicas see it."""

import math
from datetime import datetime
from typing import NamedTuple

from pymongo.errors import DuplicateKeyError

from auth_svc.repository.operation import operation
from providers.mongo import Database, Document


class Attempt(NamedTuple):
    """What became of an attempt; in seconds."""

    wait: int
    """Until it may be made; 0 where it may be made now."""
    pause: int
    """From now until another one after it may be made."""
    next_at: datetime | None = None
    """When that pause ends, if there is one."""


class Throttles:
    """The collection `throttles`. The clock is the database's, so that replicas need not agree on theirs."""

    def __init__(self, database: Database) -> None:
        self._throttles = database["throttles"]

    @operation()
    async def attempt(self, key: str, *, free: int, longest: int, decay: int) -> Attempt:
        """Count an attempt, and say whether it may be made now.

        The first `free` may be made at once. After each further one comes a pause of 1, 2, 4, … seconds, at most
        `longest`; what comes within a pause changes nothing. One attempt is forgotten every `decay` seconds. Counting
        and permitting are one operation: of many at once no more than `free` are permitted.
        """
        while True:
            try:
                document = await self._throttles.find_one_and_update(
                    {"_id": key}, _counted(free, longest, decay), upsert=True, return_document=True
                )
            except DuplicateKeyError:  # two made the first attempt at once
                continue
            if document is None or "next_at" not in document:
                return Attempt(0, 0)
            pause = _seconds(document["asked_at"], document["next_at"])
            return Attempt(0 if document["permitted"] else pause, pause, document["next_at"])

    @operation()
    async def take_back(self, key: str, attempt: Attempt, *, decay: int) -> None:
        """The attempt was none in vain: it does not count, and the pause that it began is over."""
        pause = {"$cond": [{"$eq": ["$next_at", attempt.next_at]}, "$$REMOVE", "$next_at"]}
        count = {"$subtract": ["$clear_at", decay * 1000]}
        await self._throttles.update_one({"_id": key}, [{"$set": {"clear_at": count, "next_at": pause}}])


def _counted(free: int, longest: int, decay: int) -> list[Document]:
    """The update, as a pipeline: it sees the document as it is.

    What is counted is kept as the time when all of it will be forgotten, as GCRA has it (ITU-T I.371): each attempt
    moves `clear_at` by `decay`.
    """
    # Rounded, as $$NOW is when a command came: one that came earlier may be next.
    attempts = {"$round": {"$divide": [{"$subtract": ["$clear_at", "$$NOW"]}, decay * 1000]}}
    # The exponent is bounded too: 2 to the power of some thousands is no number.
    pause = {"$min": [longest, {"$pow": [2, {"$min": [{"$subtract": [attempts, free]}, 30]}]}]}
    later = {"$add": [{"$max": ["$clear_at", "$$NOW"]}, decay * 1000]}
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
                            {"case": {"$lt": [attempts, free]}, "then": "$$REMOVE"},
                        ],
                        "default": {"$add": ["$$NOW", {"$multiply": [1000, pause]}]},
                    }
                }
            }
        },
    ]


def _seconds(asked_at: datetime, next_at: datetime) -> int:
    return max(1, math.ceil((next_at - asked_at).total_seconds()))
