"""The collection `sessions`: one document per login, with the number of its current refresh token."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from auth_svc.repository.operation import operation
from contracts import auth
from providers.mongo.database import Database, Document
from providers.mongo.operation import now

MOST: Final = 50
"""Sessions of an account at once. One more ends the oldest (OWASP ASVS 5, V7.1.2)."""
REVOKED_PAGE: Final = 10_000
"""Revoked sessions in one reply: some 350 KB of the 1 MiB that NATS allows."""
REVOKED_BY_ID: Final = (("_id", 1), ("revoked_at", 1))
"""Their index. Without it MongoDB would also scan live sessions."""
_NEWEST_FIRST: Final = (("created_at", -1), ("_id", -1))
_MOST_ENDED = 1000  # by one login, which bounds its time


@dataclass(frozen=True, slots=True)
class Session:
    """One login: a family of refresh tokens, numbered from 0. `generation` is the number of the current one."""

    session_id: str
    user_id: str
    seed: bytes = field(repr=False)
    """The session's share of its tokens' proof."""
    generation: int
    rotated_at: datetime
    """When the current generation was issued."""
    expires_at: datetime
    """When the session ends unless it is refreshed; never later than its longest lifetime."""


class Sessions:
    """The collection `sessions`.

    `idle`: how long a refresh token is valid unused. `longest`: how long a session lasts, however often it is
    refreshed. `remembered`: how long a revoked session is remembered: the lifetime of its access tokens, plus a margin
    for clocks and repeated replies.
    """

    def __init__(self, database: Database, *, idle: timedelta, longest: timedelta, remembered: timedelta) -> None:
        self._sessions = database["sessions"]
        self._idle = idle
        self._longest = longest
        self._remembered = remembered

    @operation()
    async def create(self, user_id: str, client_address: str | None) -> Session:
        """Create a session."""
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
        """End the account's oldest sessions beyond the limit. Returns their ids.

        Each login checks after it has added its session, and all sort sessions the same way. So the last of many
        concurrent logins leaves exactly the allowed number.
        """
        newest_first = self._sessions.find({"user_id": user_id, **_alive()}, {"_id": 1}).sort(_NEWEST_FIRST)
        surplus = [one["_id"] async for one in newest_first.skip(MOST).limit(_MOST_ENDED)]
        await self._end(surplus)
        return surplus

    @operation()
    async def find(self, session_id: str) -> Session | None:
        """The session if it is live, or None."""
        document = await self._sessions.find_one({"_id": session_id, **_alive()})
        return _session(document) if document else None

    @operation()
    async def rotate(self, session: Session) -> Session | None:
        """Make the next generation current. Of several concurrent calls one succeeds, and the others return None."""
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
        """The user's live sessions, newest first."""
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
        """Revoke this session of the user. Returns the ids revoked: empty if there was none."""
        return await self._revoke({"_id": session_id, "user_id": user_id})

    @operation()
    async def revoke_all(self, user_id: str, but: str | None = None) -> Sequence[str]:
        """Revoke every session of the user except `but`. Returns their ids."""
        return await self._revoke({"user_id": user_id, "_id": {"$ne": but}})

    @operation()
    async def is_revoked(self, session_id: str) -> bool:
        """Whether the session was revoked recently."""
        return await self._sessions.find_one({"_id": session_id, "revoked_at": {"$exists": True}}) is not None

    @operation()
    async def has_ended(self, user_id: str, session_id: str) -> bool:
        """Whether it was a session of this user, revoked recently."""
        was_theirs = {"_id": session_id, "user_id": user_id, "revoked_at": {"$exists": True}}
        return await self._sessions.find_one(was_theirs) is not None

    @operation()
    async def revoked(self, after: str = "") -> Sequence[str]:
        """Revoked sessions whose access tokens may not have expired, at most REVOKED_PAGE.

        They are sorted by id and start after `after`. The last token of a session was issued at its last rotation or
        within ten seconds of it. So ending long unused sessions does not lengthen the list.
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
    # MongoDB deletes expired documents up to a minute late.
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
