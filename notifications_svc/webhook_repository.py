"""The webhooks in MongoDB: at most one for each user."""

import base64
import secrets
from datetime import timedelta
from typing import Final, NamedTuple

from contracts.notifications import NewWebhook, NotificationReason, Webhook
from mesh.core.errors import NotFound
from notifications_svc.repository import operation
from providers.mongo.database import Database, Document
from providers.mongo.operation import now

PREFIX: Final = "whsec_"
"""How a secret begins (Standard Webhooks)."""
_SECRET_BYTES: Final = 32
_DEACTIVATED: Final = timedelta(days=2)
"""Shorter than a notification is tried: it can still go by mail."""


class Target(NamedTuple):
    """Where to send, and what signs it."""

    url: str
    secret: str


class Webhooks:
    """The collection `webhooks`, by the id of the user."""

    def __init__(self, database: Database) -> None:
        self._webhooks = database["webhooks"]

    @operation()
    async def get(self, user_id: str) -> Webhook:
        """The webhook of the user, without its secret. Raises NotFound."""
        found = await self._webhooks.find_one({"_id": user_id})
        if found is None:
            raise NotFound(NotificationReason.WEBHOOK_NOT_FOUND, "you have no webhook")
        return Webhook.model_validate(found)

    @operation()
    async def put(self, user_id: str, url: str) -> NewWebhook:
        """The new webhook of the user, with a new secret. It replaces another one."""
        secret = PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        webhook = NewWebhook(url=url, active=True, created_at=now(), failing_since=None, secret=secret)
        await self._webhooks.replace_one({"_id": user_id}, webhook.model_dump(), upsert=True)
        return webhook

    @operation()
    async def delete(self, user_id: str) -> None:
        """Delete the webhook of the user, if there is one."""
        await self._webhooks.delete_one({"_id": user_id})

    @operation()
    async def find_active(self, user_id: str) -> Target | None:
        """The webhook that the user's notifications go to; None if they go by mail."""
        found = await self._webhooks.find_one({"_id": user_id, "active": True})
        return Target(found["url"], found["secret"]) if found else None

    @operation()
    async def record_success(self, user_id: str, target: Target) -> None:
        """End a series of failures."""
        failing = {**_same(user_id, target), "failing_since": {"$ne": None}}
        await self._webhooks.update_one(failing, {"$set": {"failing_since": None}})

    @operation()
    async def record_failure(self, user_id: str, target: Target, *, gone: bool = False) -> None:
        """Begin or continue a series of failures. After two days, or if it is `gone`, the webhook is inactive."""
        at = now()
        await self._webhooks.update_one(
            {**_same(user_id, target), "failing_since": None}, {"$set": {"failing_since": at}}
        )
        since: Document = {} if gone else {"failing_since": {"$lt": at - _DEACTIVATED}}
        await self._webhooks.update_one({**_same(user_id, target), **since}, {"$set": {"active": False}})


def _same(user_id: str, target: Target) -> Document:
    """Matches the webhook unless it was replaced meanwhile."""
    return {"_id": user_id, "secret": target.secret}
