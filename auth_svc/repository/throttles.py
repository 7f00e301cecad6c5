"""The collection `throttles`: how often somebody has tried in vain, counted where all replicas see it."""

import math
from datetime import datetime
from typing import NamedTuple

from pymongo.errors import DuplicateKeyError

from auth_svc.repository.operation import operation
from providers.mongo import Database, Document

_KEPT = 24 * 3600 * 1000  # milliseconds after the last attempt


class Attempt(NamedTuple):
    """What became of an attempt; in seconds."""

    wait: int
    """Until it may be made; 0 where it may be made now."""
    pause: int
    """From now until another one after it may be made."""


class Throttles:
    """The collection `throttles`. The clock is the database's, so that replicas need not agree on theirs."""

    def __init__(self, database: Database) -> None:
        self._throttles = database["throttles"]

    @operation()
    async def attempt(self, key: str, *, free: int, longest: int) -> Attempt:
        """Count an attempt, and say whether it may be made now.

        The first `free` may be made at once. After each further one comes a pause of 1, 2, 4, … seconds, at most
        `longest`; what comes within a pause is not counted. Counting and permitting are one operation: of many at
        once no more than `free` are permitted.
        """
        while True:
            try:
                document = await self._throttles.find_one_and_update(
                    {"_id": key}, _counted(free, longest), upsert=True, return_document=True
                )
            except DuplicateKeyError:  # two made the first attempt at once
                continue
            if document is None or "next_at" not in document:
                return Attempt(0, 0)
            pause = _seconds(document["asked_at"], document["next_at"])
            return Attempt(0 if document["permitted"] else pause, pause)

    @operation()
    async def forget(self, key: str) -> None:
        """Nothing was tried in vain."""
        await self._throttles.delete_one({"_id": key})

    @operation()
    async def take_back(self, key: str) -> None:
        """The attempt was none in vain."""
        await self._throttles.update_one({"_id": key, "attempts": {"$gt": 0}}, {"$inc": {"attempts": -1}})


def _counted(free: int, longest: int) -> list[Document]:
    """The update, as a pipeline: it sees the document as it is."""
    # The exponent is bounded too: 2 to the power of some thousands is no number.
    pause = {"$min": [longest, {"$pow": [2, {"$min": [{"$subtract": ["$attempts", free]}, 30]}]}]}
    return [
        {"$set": {"asked_at": "$$NOW", "permitted": {"$lte": [{"$ifNull": ["$next_at", "$$NOW"]}, "$$NOW"]}}},
        {"$set": {"attempts": {"$add": [{"$ifNull": ["$attempts", 0]}, {"$cond": ["$permitted", 1, 0]}]}}},
        {
            "$set": {
                "next_at": {
                    "$switch": {
                        "branches": [
                            {"case": {"$not": "$permitted"}, "then": "$next_at"},
                            # No time at all: $$NOW is when a command came, and one that came earlier may be next.
                            {"case": {"$lt": ["$attempts", free]}, "then": "$$REMOVE"},
                        ],
                        "default": {"$add": ["$$NOW", {"$multiply": [1000, pause]}]},
                    }
                },
                "expires_at": {"$add": ["$$NOW", _KEPT]},
            }
        },
    ]


def _seconds(asked_at: datetime, next_at: datetime) -> int:
    return max(1, math.ceil((next_at - asked_at).total_seconds()))
