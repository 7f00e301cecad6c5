"""The collection `sessions`: what a login began, and which of its refresh tokens is good now."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from auth_svc.repository.operation import now, operation
from contracts import auth
from providers.mongo.database import Database, Document

MOST: Final = 50
"""Sessions that an account has at once; where one more begins, the oldest ends (OWASP ASVS 5, V7.1.2)."""
REVOKED_PAGE: Final = 10_000
"""Revoked sessions that are told in one reply: some 350 KB, of the 1 MiB that NATS takes."""
REVOKED_BY_ID: Final = (("_id", 1), ("revoked_at", 1))
"""The index of those alone; MongoDB by itself would read through the living ones for them."""
_NEWEST_FIRST: Final = (("created_at", -1), ("_id", -1))
_MOST_ENDED = 1000  # by one login, so that one on an account with very many does not take long


@dataclass(frozen=True, slots=True)
class Session:
    """What one login began: a family of refresh tokens, numbered from 0, of which `generation` is good now."""

    session_id: str
    user_id: str
    seed: bytes = field(repr=False)
    """Its tokens' own part in their proof."""
    generation: int
    rotated_at: datetime
    """When `generation` came to be."""
    expires_at: datetime
    """When the session ends unless its refresh token is used before; at the latest when it ends however often."""


class Sessions:
    """The collection `sessions`.

    `idle`: how long a refresh token waits for its use; `longest`: how long a session lasts however often it is used;
    `remembered`: how long it is known that a session was revoked, which is as long as its access tokens could live and
    some more, for clocks that differ and for an answer that is given again.
    """

    def __init__(self, database: Database, *, idle: timedelta, longest: timedelta, remembered: timedelta) -> None:
        self._sessions = database["sessions"]
        self._idle = idle
        self._longest = longest
        self._remembered = remembered

    @operation()
    async def create(self, user_id: str, client_address: str | None) -> Session:
        """A new session."""
        began = now()
        document = {
            "_id": uuid.uuid4().hex,
            "user_id": user_id,
            "seed": secrets.token_bytes(16),
            "generation": 0,
            "created_at": began,
            "rotated_at": began,
            "ends_at": began + self._longest,
            "expires_at": began + min(self._idle, self._longest),
            "client_address": client_address,
        }
        await self._sessions.insert_one(document)
        return _session(document)

    @operation()
    async def end_surplus(self, user_id: str) -> Sequence[str]:
        """End the account's oldest sessions where there are too many; says which.

        Each login looks after it has added its own, and all put them in the same order: of many at once, the last one
        leaves as many as there may be.
        """
        newest_first = self._sessions.find({"user_id": user_id, **_alive()}, {"_id": 1}).sort(_NEWEST_FIRST)
        surplus = [one["_id"] async for one in newest_first.skip(MOST).limit(_MOST_ENDED)]
        await self._end(surplus)
        return surplus

    @operation()
    async def find(self, session_id: str) -> Session | None:
        """The session, if it is alive."""
        document = await self._sessions.find_one({"_id": session_id, **_alive()})
        return _session(document) if document else None

    @operation()
    async def rotate(self, session: Session) -> Session | None:
        """Make the next generation the good one; of several at once, one succeeds, and the others get None."""
        rotated_at = now()
        document = await self._sessions.find_one_and_update(
            {"_id": session.session_id, "generation": session.generation, **_alive()},
            [
                {
                    "$set": {
                        "generation": session.generation + 1,
                        "rotated_at": rotated_at,
                        "expires_at": {"$min": ["$ends_at", rotated_at + self._idle]},
                    }
                }
            ],
            return_document=True,
        )
        return _session(document) if document else None

    @operation()
    async def list(self, user_id: str, current: str) -> Sequence[auth.Session]:
        """The user's sessions that are alive, the newest first."""
        found = self._sessions.find({"user_id": user_id, **_alive()}).sort(_NEWEST_FIRST).limit(MOST)
        return [
            auth.Session(
                session_id=document["_id"],
                created_at=document["created_at"],
                last_used_at=document["rotated_at"],
                expires_at=document["expires_at"],
                client_address=document["client_address"],
                current=document["_id"] == current,
            )
            async for document in found
        ]

    @operation()
    async def revoke(self, user_id: str, session_id: str) -> Sequence[str]:
        """Revoke this session of the user's; says which were revoked, so none where there was none."""
        return await self._revoke({"_id": session_id, "user_id": user_id})

    @operation()
    async def revoke_all(self, user_id: str, but: str | None = None) -> Sequence[str]:
        """Revoke every session of the user's but one; says which were revoked."""
        return await self._revoke({"user_id": user_id, "_id": {"$ne": but}})

    @operation()
    async def is_revoked(self, session_id: str) -> bool:
        """Whether the session was revoked, not long ago."""
        return await self._sessions.find_one({"_id": session_id, "revoked_at": {"$exists": True}}) is not None

    @operation()
    async def has_ended(self, user_id: str, session_id: str) -> bool:
        """Whether it was a session of the user's that was revoked, not long ago."""
        was_theirs = {"_id": session_id, "user_id": user_id, "revoked_at": {"$exists": True}}
        return await self._sessions.find_one(was_theirs) is not None

    @operation()
    async def revoked(self, after: str = "") -> Sequence[str]:
        """The sessions that were revoked while access tokens of them may still be about, REVOKED_PAGE at most.

        They come by their ids, those behind `after`. The last token of a session is of its last rotation, or of the ten
        seconds after it: who ends what has not been used for a while makes the list no longer.
        """
        last_token = {"$gt": now() - self._remembered}
        which = {"revoked_at": {"$exists": True}, "_id": {"$gt": after}, "rotated_at": last_token}
        found = self._sessions.find(which, {"_id": 1}).sort("_id", 1).limit(REVOKED_PAGE).hint(REVOKED_BY_ID)
        return [document["_id"] async for document in found]

    async def _revoke(self, which: Document) -> Sequence[str]:
        ids = [document["_id"] async for document in self._sessions.find({**which, **_alive()}, {"_id": 1})]
        await self._end(ids)
        return ids

    async def _end(self, session_ids: Sequence[str]) -> None:
        if session_ids:
            revoked_at = now()
            change = {"revoked_at": revoked_at, "expires_at": revoked_at + self._remembered}
            await self._sessions.update_many({"_id": {"$in": session_ids}}, {"$set": change})


def _alive() -> Document:
    # MongoDB deletes what has expired up to a minute late.
    return {"revoked_at": {"$exists": False}, "expires_at": {"$gt": now()}}


def _session(document: Document) -> Session:
    return Session(
        session_id=document["_id"],
        user_id=document["user_id"],
        seed=bytes(document["seed"]),
        generation=document["generation"],
        rotated_at=document["rotated_at"],
        expires_at=document["expires_at"],
    )
