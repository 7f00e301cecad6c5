"""The webhooks in MongoDB: at most one for each user."""

import base64
import secrets
from datetime import timedelta
from typing import Final, NamedTuple

from contracts.notifications import NewWebhook, NotificationReason, Webhook
from mesh.core.errors import NotFound
from mesh.security.encryption import Cipher, Undecryptable
from notifications_svc.repository import operation
from providers.mongo.database import Database, Document
from providers.mongo.operation import now

PREFIX: Final = "whsec_"
"""The prefix of a secret (Standard Webhooks)."""
_SECRET_BYTES: Final = 32
_DEACTIVATED: Final = timedelta(days=2)
"""Shorter than the time for which a notification is retried, so that it can still go by mail."""


class Target(NamedTuple):
    """A webhook's URL and its encrypted secret."""

    url: str
    encrypted: bytes
    """The secret as stored."""


class UnreadableSecret(Exception):
    """No key of NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY decrypts the secret of a webhook."""

    def __init__(self, user_id: str) -> None:
        super().__init__(
            f"NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY did not encrypt the secret of the webhook of user {user_id}:"
            " add the former key after a comma"
        )


class Webhooks:
    """The collection `webhooks`, by the id of the user. Secrets are encrypted, each bound to its user."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._webhooks = database["webhooks"]
        self._cipher = cipher

    @operation()
    async def encrypt_again(self) -> None:
        """Encrypt all secrets under the first key, also those that an older version has stored in clear.

        Raises UnreadableSecret if one was encrypted under a key that is not known here.
        """
        async for found in self._webhooks.find({"key_id": {"$ne": self._cipher.key_id}}):
            user_id = found["_id"]
            secret = found["secret"] if "secret" in found else self.secret(user_id, _target(found))
            unchanged: Document = {name: found[name] for name in ("_id", "secret", "encrypted_secret") if name in found}
            stored = {"$set": self._encrypted(user_id, secret), "$unset": {"secret": ""}}
            await self._webhooks.update_one(unchanged, stored)

    @operation()
    async def get(self, user_id: str) -> Webhook:
        """The webhook of the user, without its secret. Raises NotFound."""
        found = await self._webhooks.find_one({"_id": user_id})
        if found is None:
            raise NotFound(NotificationReason.WEBHOOK_NOT_FOUND, "you have no webhook")
        return Webhook.model_validate(found)

    @operation()
    async def put(self, user_id: str, url: str) -> NewWebhook:
        """The new webhook of the user, with a new secret. It replaces the former one."""
        secret = PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        webhook = NewWebhook(url=url, active=True, created_at=now(), failing_since=None, secret=secret)
        stored = {**webhook.model_dump(exclude={"secret"}), **self._encrypted(user_id, secret)}
        await self._webhooks.replace_one({"_id": user_id}, stored, upsert=True)
        return webhook

    @operation()
    async def delete(self, user_id: str) -> None:
        """Delete the webhook of the user, if there is one."""
        await self._webhooks.delete_one({"_id": user_id})

    @operation()
    async def find_active(self, user_id: str) -> Target | None:
        """The active webhook of the user; None if notifications go by mail."""
        found = await self._webhooks.find_one({"_id": user_id, "active": True})
        return _target(found) if found else None

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

    def secret(self, user_id: str, target: Target) -> str:
        """The secret that signs what the user's webhook gets. Raises UnreadableSecret."""
        try:
            return self._cipher.decrypt(target.encrypted, user_id).decode()
        except Undecryptable:
            raise UnreadableSecret(user_id) from None

    def _encrypted(self, user_id: str, secret: str) -> Document:
        return {"encrypted_secret": self._cipher.encrypt(secret.encode(), user_id), "key_id": self._cipher.key_id}


def _target(found: Document) -> Target:
    return Target(found["url"], bytes(found["encrypted_secret"]))


def _same(user_id: str, target: Target) -> Document:
    """Matches the webhook unless it was replaced meanwhile."""
    return {"_id": user_id, "encrypted_secret": target.encrypted}
