"""Everything that auth asks of MongoDB: users, sessions, signing keys."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from pymongo.errors import DuplicateKeyError, PyMongoError

from auth_svc.keys import SealedKey
from contracts.auth import AuthReason, Jwk, User
from mesh import context
from mesh.errors import Conflict, NotFound, TimedOut, Unavailable
from mesh.idempotency import KEPT
from mesh.tokens import ADMIN
from providers.mongo import Database, Document, bounded, is_outage, said

log = structlog.get_logger()

_MARGIN = 0.05  # seconds: the driver gives up a round trip before the deadline


@asynccontextmanager
async def _operation() -> AsyncIterator[None]:
    """Decorates whatever talks to the database: it ends by the deadline, and an outage is not a bug of ours."""
    try:
        with bounded(context.remaining()):
            yield
    except PyMongoError as error:
        if not is_outage(error):
            raise
        left = context.remaining()
        if left is not None and left < _MARGIN:
            raise TimedOut("deadline_exceeded", "the deadline passed before the database had answered") from error
        log.warning("database_unavailable", error=said(error), type=type(error).__name__)
        raise Unavailable("database_unavailable", "the database does not answer just now") from error


@_operation()
async def ensure_indexes(database: Database) -> None:
    """Make the indexes that the queries below rely on; those that are there stay."""
    await database["users"].create_index("email", unique=True)
    await database["users"].create_index("roles")
    await database["users"].create_index("registration.key", unique=True, sparse=True)
    await database["users"].create_index("registration.at", sparse=True)
    await database["sessions"].create_index("refresh_hash", unique=True)
    await database["sessions"].create_index("expires_at", expireAfterSeconds=0)
    # Of all starters at once, the first makes the key that signs.
    await database["signing_keys"].create_index("active", unique=True, partialFilterExpression={"active": True})


@dataclass(frozen=True, slots=True)
class Account:
    """A user, and the hash of the password that proves it."""

    user: User
    password_hash: str = field(repr=False)


class Users:
    """The collection `users`; its e-mail addresses are normalised, and each is there once."""

    def __init__(self, database: Database) -> None:
        self._users = database["users"]

    @_operation()
    async def create(self, email: str, password_hash: str, role: str) -> User:
        """A new user. Raises Conflict where somebody has the e-mail address already."""
        document = _new_user(email, password_hash, role)
        try:
            await self._users.insert_one(document)
        except DuplicateKeyError:
            raise _email_taken() from None
        return _user(document)

    @_operation()
    async def create_once(self, key: str, email: str, password_hash: str, role: str) -> Account:
        """A new user, or whom the key has made before, as told then. Raises Conflict as `create` does.

        The key is a part of the user's document, so that both are written or neither is: no transaction, which not
        every MongoDB has (ADR 6).
        """
        document = _new_user(email, password_hash, role)
        now = document["created_at"]
        document["registration"] = {"key": key, "at": now, "reply": _user(document).model_dump_json()}
        await self._users.update_many({"registration.at": {"$lt": now - KEPT}}, {"$unset": {"registration": ""}})
        try:
            await self._users.insert_one(document)
        except DuplicateKeyError:
            first = await self._users.find_one({"registration.key": key})
            if first is None:
                raise _email_taken() from None
            document = first
        return Account(User.model_validate_json(document["registration"]["reply"]), document["password_hash"])

    @_operation()
    async def find(self, user_id: str) -> User | None:
        """The user, or None."""
        document = await self._users.find_one({"_id": user_id})
        return _user(document) if document else None

    async def get(self, user_id: str) -> User:
        """The user. Raises NotFound."""
        user = await self.find(user_id)
        if user is None:
            raise NotFound(AuthReason.USER_NOT_FOUND, "the user does not exist any more")
        return user

    @_operation()
    async def find_account(self, email: str) -> Account | None:
        """What a login needs to know about whoever has the e-mail address, or None."""
        document = await self._users.find_one({"email": email})
        return Account(_user(document), document["password_hash"]) if document else None

    @_operation()
    async def has_admin(self) -> bool:
        """Whether anybody has the role ADMIN."""
        return await self._users.find_one({"roles": ADMIN}) is not None

    @_operation()
    async def replace_hash(self, account: Account, password_hash: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""
        unchanged = {"_id": account.user.user_id, "password_hash": account.password_hash}
        await self._users.update_one(unchanged, {"$set": {"password_hash": password_hash}})


@dataclass(frozen=True, slots=True)
class Session:
    """What one login began."""

    session_id: str
    user_id: str


class Sessions:
    """The collection `sessions`; each has one refresh token that is good now, known by its hash."""

    def __init__(self, database: Database) -> None:
        self._sessions = database["sessions"]

    @_operation()
    async def create(self, user_id: str, refresh_hash: str, expires_at: datetime) -> Session:
        """A new session."""
        session = Session(uuid.uuid4().hex, user_id)
        await self._sessions.insert_one(
            {
                "_id": session.session_id,
                "user_id": user_id,
                "refresh_hash": refresh_hash,
                "created_at": _now(),
                "expires_at": expires_at,
            }
        )
        return session

    @_operation()
    async def find(self, refresh_hash: str) -> Session | None:
        """The session whose refresh token is good now, or None."""
        document = await self._sessions.find_one(_alive(refresh_hash))
        return Session(document["_id"], document["user_id"]) if document else None

    @_operation()
    async def rotate(self, refresh_hash: str, successor: str) -> bool:
        """Put the successor in the place of a hash that is good now; of several at once, one succeeds."""
        change = {"$set": {"refresh_hash": successor}}
        return await self._sessions.find_one_and_update(_alive(refresh_hash), change) is not None

    @_operation()
    async def end(self, session_id: str) -> None:
        """End the session, if it is there."""
        await self._sessions.delete_one({"_id": session_id})

    @_operation()
    async def end_by_hash(self, refresh_hash: str) -> None:
        """End the session of the refresh token, if it is there."""
        await self._sessions.delete_one({"refresh_hash": refresh_hash})


class SigningKeys:
    """The collection `signing_keys`: every key that tokens are verified by, of which one signs new ones."""

    def __init__(self, database: Database) -> None:
        self._keys = database["signing_keys"]

    @_operation()
    async def ensure_active(self, candidate: SealedKey) -> SealedKey:
        """The key that signs: the candidate, where there is none yet."""
        document = {
            "_id": candidate.public.kid,
            "x": candidate.public.x,
            "sealed": candidate.sealed,
            "active": True,
            "created_at": _now(),
        }
        with suppress(DuplicateKeyError):
            await self._keys.insert_one(document)
        [active] = await self._keys.find({"active": True}).to_list()
        return SealedKey(_jwk(active), active["sealed"])

    @_operation()
    async def list(self) -> tuple[Jwk, ...]:
        """The public part of every key, the newest first."""
        return tuple([_jwk(document) async for document in self._keys.find().sort("created_at", -1)])


def _new_user(email: str, password_hash: str, role: str) -> Document:
    return {
        "_id": uuid.uuid4().hex,
        "email": email,
        "password_hash": password_hash,
        "roles": [role],
        "created_at": _now(),
    }


def _email_taken() -> Conflict:
    return Conflict(AuthReason.EMAIL_TAKEN, "somebody is registered with this e-mail address")


def _now() -> datetime:
    """In UTC, with the milliseconds that MongoDB keeps: what is told at once is what is told later."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _alive(refresh_hash: str) -> Document:
    # MongoDB deletes what has expired up to a minute late.
    return {"refresh_hash": refresh_hash, "expires_at": {"$gt": _now()}}


def _user(document: Document) -> User:
    return User(
        user_id=document["_id"],
        email=document["email"],
        roles=tuple(document["roles"]),
        created_at=document["created_at"],
    )


def _jwk(document: Document) -> Jwk:
    return Jwk(kid=document["_id"], x=document["x"])
