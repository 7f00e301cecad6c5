"""The collection `signing_keys`: every key that verifies tokens, numbered."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from auth_svc.repository.operation import operation
from contracts.auth import Jwk
from providers.mongo.database import Database, Document
from providers.mongo.operation import now


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A signing key as stored: the public part, and the encrypted private part."""

    public: Jwk
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NumberedKey:
    """A key and the time from which it may sign. The one with the highest number that may sign does."""

    key: SealedKey
    number: int
    signs_from: datetime


class SigningKeys:
    """The collection `signing_keys`. MongoDB deletes retired keys, including the private part."""

    def __init__(self, database: Database) -> None:
        self._keys = database["signing_keys"]

    @operation()
    async def ensure_one(self, candidate: SealedKey) -> None:
        """Store the candidate if there is no key yet."""
        if await self._newest() is None:
            await self._add(candidate, 1, now())

    @operation()
    async def rotate(self, candidate: SealedKey, lead: timedelta, longest_token: timedelta) -> NumberedKey:
        """Publish the candidate now, let it sign after `lead`, and retire the others once their tokens have expired.

        If a key is already waiting to sign, that one is returned, and its rotation is finished.
        """
        newest = await self._newest()
        if newest is None or newest.signs_from <= now():
            await self._add(candidate, newest.number + 1 if newest else 1, now() + lead)
            newest = await self._newest()
        assert newest is not None  # noqa: S101  # it was added
        older = {"number": {"$lt": newest.number}, "retires_at": {"$exists": False}}
        await self._keys.update_many(older, {"$set": {"retires_at": newest.signs_from + longest_token}})
        return newest

    @operation()
    async def signing(self) -> NumberedKey:
        """The key that signs now."""
        found = await self._keys.find({"signs_from": {"$lte": now()}}).sort("number", -1).limit(1).to_list()
        return _numbered(found[0])

    @operation()
    async def to_sign(self) -> tuple[NumberedKey, ...]:
        """The key that signs now and those that will, newest first."""
        found = [_numbered(document) async for document in self._keys.find().sort("number", -1)]
        waiting = [key for key in found if key.signs_from > now()]
        return tuple(found[: len(waiting) + 1])

    @operation()
    async def list(self) -> tuple[Jwk, ...]:
        """The public part of every key that may have signed a valid token, newest first."""
        found = self._keys.find({"$or": [{"retires_at": {"$exists": False}}, {"retires_at": {"$gt": now()}}]})
        return tuple([_jwk(document) async for document in found.sort("number", -1)])

    async def _newest(self) -> NumberedKey | None:
        found = await self._keys.find_one(sort=[("number", -1)])
        return _numbered(found) if found else None

    async def _add(self, key: SealedKey, number: int, signs_from: datetime) -> None:
        document = {
            "_id": key.public.kid,
            "x": key.public.x,
            "sealed": key.sealed,
            "number": number,
            "created_at": now(),
            "signs_from": signs_from,
        }
        with suppress(DuplicateKeyError):  # another process was faster: its key is used
            await self._keys.insert_one(document)


def _numbered(document: Document) -> NumberedKey:
    return NumberedKey(SealedKey(_jwk(document), bytes(document["sealed"])), document["number"], document["signs_from"])


def _jwk(document: Document) -> Jwk:
    return Jwk(kid=document["_id"], x=document["x"])
