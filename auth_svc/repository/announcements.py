"""Announces accounts: the event is a part of the user's document (ADR 21)."""

from typing import Final

from pymongo import UpdateOne

from auth_svc.repository.operation import operation
from contracts.auth import UserRegistered
from providers.mongo.database import Database, Document
from providers.mongo.outbox import UNSENT
from subjects import EVENTS_AUTH_USER_REGISTERED
from worker.mongo import unsent_event

ANNOUNCED: Final = "announced"
"""The field of a user that says that the account is announced."""
_AT_ONCE: Final = 500


def announced(user: Document) -> Document:
    """The document of a new user with the event that announces it, before any other."""
    return {**user, ANNOUNCED: True, UNSENT: [_event(user, is_new=True), *user.get(UNSENT, ())]}


@operation()
async def announce_existing(database: Database) -> None:
    """Announce the accounts that are older than the event, each once, even if several processes do so."""
    users = database["users"]
    unannounced = {ANNOUNCED: None}
    fields = {"email": 1, "created_at": 1, "unverified": 1}
    while found := await users.find(unannounced, fields).limit(_AT_ONCE).to_list():
        await users.bulk_write([_announcement(user) for user in found], ordered=False)


def _announcement(user: Document) -> UpdateOne:
    change = {"$set": {ANNOUNCED: True}, "$push": {UNSENT: _event(user, is_new=False)}}
    return UpdateOne({"_id": user["_id"], ANNOUNCED: None}, change)


def _event(user: Document, *, is_new: bool) -> Document:
    payload = UserRegistered(
        user_id=user["_id"],
        email=user["email"],
        registered_at=user["created_at"],
        is_new=is_new,
        email_verified=not user.get("unverified", False),
    )
    return unsent_event(EVENTS_AUTH_USER_REGISTERED, payload, aggregate=user["_id"])
