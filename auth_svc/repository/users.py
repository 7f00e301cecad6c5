"""The collection `users`."""

import base64
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from auth_svc.repository.announcements import announced
from auth_svc.repository.audit import audit_entry
from auth_svc.repository.operation import operation
from auth_svc.repository.user_filter import UserFilter, matching
from contracts.auth import AuditAction, AuthReason, User, UserPage
from mesh.core.errors import Conflict, Invalid, NotFound
from mesh.security.verifier import ADMIN
from mesh.service.idempotency import KEPT
from providers.mongo.database import Database, Document
from providers.mongo.operation import now

LONGEST_ACT = timedelta(minutes=1)
_JUST = timedelta(minutes=1)
Prepare = Callable[[Document], Document]
"""Adds to the document of a new user."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the hash of their password."""

    user: User
    password_hash: str = field(repr=False)


class Users:
    """The collection `users`. E-mail addresses are normalised and unique.

    Entries for the audit log are written together with the change that they record, into an outbox in the user's
    document. This needs no transaction, which not every MongoDB has (ADR 6), and leaves no change without an entry.
    They stay in the outbox until everything that the change entails is done.
    """

    def __init__(self, database: Database, wrote_event: Callable[[], None] | None = None) -> None:
        """`wrote_event` is called after a write that announces an account; the default leaves the event to a poll."""
        self._users = database["users"]
        self._wrote_event = wrote_event or _nothing

    @operation()
    async def create(self, email: str, password_hash: str, role: str, prepare: Prepare | None = None) -> User:
        """Create a user. Raises Conflict if the e-mail address is taken."""
        document = _new_user(email, password_hash, role, prepare)
        try:
            await self._users.insert_one(document)
        except DuplicateKeyError:
            raise email_taken() from None
        self._wrote_event()
        return _user(document)

    @operation()
    async def create_once(
        self, key: str, email: str, password_hash: str, role: str, prepare: Prepare | None = None
    ) -> Account:
        """Create a user, or return the one that this key created, as it was then. Raises Conflict as `create` does.

        The key is part of the user's document, so that both are written or neither. This needs no transaction, which
        not every MongoDB has (ADR 6).
        """
        document = _new_user(email, password_hash, role, prepare)
        made_at = document["created_at"]
        document["registration"] = {"key": key, "at": made_at, "reply": _user(document).model_dump_json()}
        await self._users.update_many({"registration.at": {"$lt": made_at - KEPT}}, {"$unset": {"registration": ""}})
        try:
            await self._users.insert_one(document)
        except DuplicateKeyError:
            first = await self._users.find_one({"registration.key": key})
            if first is None:
                raise email_taken() from None
            document = first
        self._wrote_event()
        return Account(User.model_validate_json(document["registration"]["reply"]), document["password_hash"])

    @operation()
    async def find(self, user_id: str) -> User | None:
        """The user, or None."""
        document = await self._users.find_one({"_id": user_id})
        return _user(document) if document else None

    async def get(self, user_id: str) -> User:
        """The user. Raises NotFound."""
        user = await self.find(user_id)
        if user is None:
            raise NotFound(AuthReason.USER_NOT_FOUND, "the user no longer exists")
        return user

    @operation()
    async def find_account(self, email: str) -> Account | None:
        """The account with the e-mail address, or None."""
        document = await self._users.find_one({"email": email})
        return as_account(document) if document else None

    @operation()
    async def find_account_of(self, user_id: str) -> Account | None:
        """The account of the user with the id, or None."""
        document = await self._users.find_one({"_id": user_id})
        return as_account(document) if document else None

    @operation()
    async def has_admin(self) -> bool:
        """Whether an enabled user has the role ADMIN."""
        return await self._users.find_one({"roles": ADMIN, "disabled": {"$ne": True}}) is not None

    @operation()
    async def list(self, which: UserFilter, *, cursor: str | None, limit: int) -> UserPage:
        """The users that match, by e-mail address. Raises Invalid for the cursor."""
        after = {"email": {"$gt": _email_in(cursor)}} if cursor is not None else {}
        found = await self._users.find({"$and": [after, matching(which)]}).sort("email", 1).limit(limit + 1).to_list()
        items = tuple(_user(document) for document in found[:limit])
        return UserPage(items=items, next_cursor=_cursor(items[-1].email) if len(found) > limit else None)

    @operation()
    async def replace_hash(self, account: Account, password_hash: str) -> bool:
        """Store another hash of the same password, unless the password has changed. Returns whether it was stored."""
        return await self._replace_hash(account, {"password_hash": password_hash})

    @operation()
    async def replace_password(
        self, account: Account, password_hash: str, session_id: str, entries: Sequence[Document]
    ) -> bool:
        """Store a new password's hash and the session that changed it, unless the password has changed meanwhile."""
        changed = {"session_id": session_id, "at": now()}
        # Without `mailed`, no earlier mail can reset the new password.
        values = {"password_hash": password_hash, "password_changed": changed, "mailed": []}
        return await self._replace_hash(account, values, entries)

    @operation()
    async def begin_password_change(self, account: Account, session_id: str) -> bool:
        """Keep other sessions from changing the password until `end_password_change`, for a minute at most.

        False if the password has changed meanwhile, or another session is changing it.
        """
        others = {"session_id": {"$ne": session_id}, "until": {"$gt": now()}}
        free = {**_unchanged(account), "password_changing": {"$not": {"$elemMatch": others}}}
        mine = [{"session_id": session_id, "until": now() + LONGEST_ACT}]
        result = await self._users.update_one(free, {"$set": {"password_changing": mine}})
        return result.matched_count == 1

    @operation()
    async def end_password_change(self, user_id: str, session_id: str) -> None:
        """Let other sessions change the password again."""
        await self._users.update_one({"_id": user_id}, {"$pull": {"password_changing": {"session_id": session_id}}})

    @operation()
    async def has_just_changed_password(self, user_id: str, session_id: str) -> bool:
        """Whether this session made the last change of the password, within the last minute."""
        lately = {"password_changed.session_id": session_id, "password_changed.at": {"$gt": now() - _JUST}}
        return await self._users.find_one({"_id": user_id, **lately}) is not None

    async def _replace_hash(self, account: Account, values: Document, entries: Sequence[Document] = ()) -> bool:
        # Not findAndModify: if that fails, MongoDB logs it with its values.
        result = await self._users.update_one(_unchanged(account), _change(values, entries))
        return result.matched_count == 1

    @operation()
    async def change_rights(self, user: User, changes: Mapping[str, Any], entries: Sequence[Document]) -> User | None:
        """Set `roles`, `disabled` or both. Returns the user after the change.

        None if `user` is out of date in one of them. Call it only between `begin_change` and `end_change`.
        """
        unchanged: Document = {"_id": user.user_id, "acting": {"$not": _live()}}
        if "roles" in changes:
            unchanged["roles"] = [*user.roles]
        if "disabled" in changes:
            unchanged["disabled"] = True if user.disabled else {"$ne": True}
        document = await self._users.find_one_and_update(unchanged, _change(changes, entries), return_document=True)
        return _user(document) if document else None

    @operation()
    async def begin_acting(self, user_id: str) -> str | None:
        """Keep others from changing this administrator's rights until `end_acting`, for a minute at most.

        None if the user is not an administrator, or while somebody changes their rights. A minute is far longer than a
        request: by then its operations have happened, or never will.
        """
        administrator = {"_id": user_id, "roles": ADMIN, "disabled": {"$ne": True}, "changing": {"$not": _live()}}
        return await self._begin("acting", administrator)

    @operation()
    async def end_acting(self, user_id: str, act: str) -> None:
        """Let others change this administrator's rights again."""
        await self._end("acting", user_id, act)

    @operation()
    async def begin_change(self, user_id: str) -> str | None:
        """Keep this user from starting a change of anybody's rights until `end_change`, for a minute at most.

        None if the user has started one. What follows it is no longer refused.
        """
        return await self._begin("changing", {"_id": user_id, "acting": {"$not": _live()}})

    @operation()
    async def end_change(self, user_id: str, change: str) -> None:
        """Let this user change rights again, if they still have the role."""
        await self._end("changing", user_id, change)

    async def _begin(self, what: str, user: Document) -> str | None:
        begun = uuid.uuid4().hex
        entry = {"id": begun, "until": now() + LONGEST_ACT}
        result = await self._users.update_one(user, {"$push": {what: entry}})
        return begun if result.matched_count else None

    async def _end(self, what: str, user_id: str, begun: str) -> None:
        over = {"$or": [{"id": begun}, {"until": {"$lte": now()}}]}
        await self._users.update_one({"_id": user_id}, {"$pull": {what: over}})

    @operation()
    async def outbox(self, user_id: str | None = None) -> Sequence[Document]:
        """The entries of this user, or of all users, that may not be in the audit log yet."""
        which: Document = {"outbox._id": {"$gt": ""}} if user_id is None else {"_id": user_id}
        return [entry async for user in self._users.find(which, {"outbox": 1}) for entry in user.get("outbox", ())]

    @operation()
    async def clear_outbox(self, user_id: str, entries: Sequence[Document]) -> None:
        """Remove these entries: everything that their changes entail is done."""
        done = {"_id": {"$in": [entry["_id"] for entry in entries]}}
        await self._users.update_one({"_id": user_id}, {"$pull": {"outbox": done}})


def _nothing() -> None:
    pass


def _live() -> Document:
    # By the time of the query, not of the response: after a hang, an ongoing act must not look finished.
    return {"$elemMatch": {"until": {"$gt": now()}}}


def _unchanged(account: Account) -> Document:
    return {"_id": account.user.user_id, "password_hash": account.password_hash}


def _change(values: Mapping[str, Any], entries: Sequence[Document]) -> Document:
    change: Document = {"$set": values}
    return {**change, "$push": {"outbox": {"$each": entries}}} if entries else change


def _cursor(email: str) -> str:
    return base64.urlsafe_b64encode(email.encode()).decode().rstrip("=")


def _email_in(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise Invalid.field("cursor", AuthReason.INVALID_CURSOR, "is not the cursor of a page") from None


def _new_user(email: str, password_hash: str, role: str, prepare: Prepare | None) -> Document:
    user_id = uuid.uuid4().hex
    if role == ADMIN:  # created by an operator, who has no account
        entry = audit_entry(AuditAction.ADMIN_CREATED, user_id, actor_id=None)
    else:
        entry = audit_entry(AuditAction.REGISTERED, user_id, actor_id=user_id)
    user = {
        "_id": user_id,
        "email": email,
        "password_hash": password_hash,
        "roles": [role],
        "created_at": now(),
        "outbox": [entry],
    }
    return announced(prepare(user) if prepare else user)


def email_taken() -> Conflict:
    """The fault for an e-mail address that is taken."""
    return Conflict(AuthReason.EMAIL_TAKEN, "somebody is registered with this e-mail address")


def as_account(document: Document) -> Account:
    """The account in a document of the collection."""
    return Account(_user(document), document["password_hash"])


def _user(document: Document) -> User:
    return User(
        user_id=document["_id"],
        email=document["email"],
        roles=tuple(document["roles"]),
        created_at=document["created_at"],
        disabled=document.get("disabled", False),
        email_verified=not document.get("unverified", False),
    )
