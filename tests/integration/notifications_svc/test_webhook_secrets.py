"""The secrets of webhooks at rest: encrypted, bound to their user, and re-encrypted when the key changes."""

import base64
from contextlib import AsyncExitStack

import pytest

from mesh.process.run import StartError
from mesh.security.encryption import Cipher
from mesh.transport.memory import MemoryTransport
from notifications_svc.app import build
from notifications_svc.webhook_repository import UnreadableSecret, Webhooks
from providers.mongo.database import Database
from tests.integration.notifications_svc.making import KEY, MakeSettings
from tests.support.events.memory_streams import StreamBroker

NEW = bytes(32)
URL = "https://shop.example/"


async def secret_of(webhooks: Webhooks, user_id: str) -> str:
    target = await webhooks.find_active(user_id)
    assert target is not None
    return webhooks.secret(user_id, target)


async def test_the_database_has_no_secret_in_clear(database: Database) -> None:
    webhook = await Webhooks(database, Cipher(KEY)).put("u1", URL)
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))

    stored = await database["webhooks"].find_one()
    assert stored is not None
    assert {"_id", "url", "active", "created_at", "failing_since", "encrypted_secret", "key_id"} == stored.keys()
    assert not [known for known in (key, webhook.secret.encode()) if known in bytes(stored["encrypted_secret"])]
    assert webhook.secret == await secret_of(Webhooks(database, Cipher(KEY)), "u1")


async def test_a_secret_does_not_serve_another_user(database: Database) -> None:
    webhooks = Webhooks(database, Cipher(KEY))
    for user_id in ("u1", "u2"):
        await webhooks.put(user_id, URL)
    stolen = await database["webhooks"].find_one({"_id": "u1"})
    assert stolen is not None
    await database["webhooks"].update_one({"_id": "u2"}, {"$set": {"encrypted_secret": stolen["encrypted_secret"]}})

    with pytest.raises(UnreadableSecret, match=r"NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY .* user u2"):
        await secret_of(webhooks, "u2")


async def test_a_new_key_replaces_the_former_one_and_secrets_stay(database: Database) -> None:
    webhook = await Webhooks(database, Cipher(KEY)).put("u1", URL)
    await Webhooks(database, Cipher(NEW, KEY)).encrypt_again()

    alone = Webhooks(database, Cipher(NEW))
    await alone.encrypt_again()
    assert webhook.secret == await secret_of(alone, "u1")


async def test_a_secret_that_an_older_version_stored_in_clear_is_encrypted(database: Database) -> None:
    webhooks = Webhooks(database, Cipher(KEY))
    webhook = await webhooks.put("u1", URL)
    await database["webhooks"].replace_one({"_id": "u1"}, webhook.model_dump())
    await webhooks.encrypt_again()

    stored = await database["webhooks"].find_one()
    assert stored is not None
    assert "secret" not in stored
    assert webhook.secret == await secret_of(webhooks, "u1")


async def test_a_start_without_the_key_says_what_to_do(database: Database, make_settings: MakeSettings) -> None:
    await Webhooks(database, Cipher(NEW)).put("u1", URL)
    async with AsyncExitStack() as resources:
        with pytest.raises(
            StartError, match=r"NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY .* add the former key after a comma"
        ):
            await build(make_settings("smtp://127.0.0.1"), MemoryTransport(StreamBroker(), "notifications"), resources)
