"""Each account is announced once: a new one by its own document write, an older one at a start."""

import asyncio
import json

import pytest

from auth_svc.repository import Users, announce_existing, ensure_indexes
from auth_svc.settings import AuthSettings
from contracts.auth import Register
from mesh.core.errors import Conflict
from providers.mongo.database import Database
from providers.mongo.outbox import UNSENT
from subjects import AUTH_REGISTER
from tests.integration.auth_svc.small_mesh import Documents, Mesh

EMAIL = "nancy@mesh.test"


async def announced(documents: Documents) -> list[dict[str, object]]:
    """The payloads of the events in the documents of users."""
    return [json.loads(event["body"]) for user in await documents("users") for event in user.get(UNSENT, [])]


async def test_a_registration_is_announced_in_the_document_of_the_user(worker: Mesh, documents: Documents) -> None:
    user = await worker.call(AUTH_REGISTER, Register(email=EMAIL, password="correct horse battery"))

    [event] = await announced(documents)
    assert (user.user_id, EMAIL, True) == (event["user_id"], event["email"], event["is_new"])


async def test_the_relay_is_woken_by_a_registration_and_not_by_a_refused_one(any_database: Database) -> None:
    woken: list[None] = []
    users = Users(any_database, lambda: woken.append(None))
    await users.create(EMAIL, "hash", "USER")
    await users.create_once("key", "other@mesh.test", "hash", "USER")
    with pytest.raises(Conflict):
        await users.create(EMAIL, "hash", "USER")

    assert 2 == len(woken)


async def test_accounts_from_before_are_announced_once(any_database: Database) -> None:
    await ensure_indexes(any_database)
    users = Users(any_database)
    for number in range(3):
        await users.create(f"user{number}@mesh.test", "hash", "USER")
    await any_database["users"].update_many({}, {"$unset": {"announced": "", UNSENT: ""}})
    await asyncio.gather(*(announce_existing(any_database) for _ in range(3)))
    await announce_existing(any_database)

    stored = await any_database["users"].find().to_list()
    events = [json.loads(event["body"]) for user in stored for event in user[UNSENT]]
    assert {f"user{number}@mesh.test" for number in range(3)} == {event["email"] for event in events}
    assert [False] * 3 == [event["is_new"] for event in events]


async def test_a_start_announces_who_was_there(
    mesh: Mesh, settings: AuthSettings, database: Database, documents: Documents
) -> None:
    await Users(database).create(EMAIL, "hash", "USER")
    await database["users"].update_many({}, {"$unset": {"announced": "", UNSENT: ""}})
    await mesh.start(settings)

    assert [EMAIL] == [event["email"] for event in await announced(documents)]
