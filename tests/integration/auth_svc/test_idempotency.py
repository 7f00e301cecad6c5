"""A registration that may be repeated, on a replica set as on any MongoDB: it takes no transaction."""

import asyncio
import json
from datetime import timedelta

import pytest

from contracts.auth import Login
from providers.mongo.database import Database
from subjects import AUTH_LOGIN
from tests.integration.auth_svc.small_mesh import Documents, Mesh

ANNA = {"email": "anna@mesh.test", "password": "correct horse battery"}


async def register(mesh: Mesh, key: str | None, **changes: str) -> tuple[str | None, bytes]:
    """The reason of the refusal, if it is one, and the answer."""
    headers = {"Idempotency-Key": key} if key else {}
    answer_headers, body = await mesh.send("auth.register", json.dumps({**ANNA, **changes}).encode(), headers)
    return (json.loads(body)["reason"] if "Nats-Service-Error-Code" in answer_headers else None), body


async def test_a_repeated_registration_gets_the_first_answer_to_the_byte(worker: Mesh, documents: Documents) -> None:
    first = await register(worker, "k")
    assert first == await register(worker, "k") == await register(worker, "k", email="Anna@MESH.test")
    assert None is first[0]
    assert 1 == len(await documents("users"))


async def test_it_does_so_after_the_user_has_changed(worker: Mesh, database: Database) -> None:
    first = await register(worker, "k")
    await database["users"].update_one({}, {"$set": {"roles": ["USER", "ADMIN"]}})
    assert first == await register(worker, "k")


@pytest.mark.parametrize("changes", [{"email": "berta@mesh.test"}, {"password": "another horse battery"}])
async def test_another_payload_under_the_key_is_a_conflict(
    worker: Mesh, documents: Documents, changes: dict[str, str]
) -> None:
    await register(worker, "k")
    assert "idempotency_key_reused" == (await register(worker, "k", **changes))[0]
    assert [ANNA["email"]] == [user["email"] for user in await documents("users")]


@pytest.mark.parametrize("key", [None, "other"])
async def test_without_the_key_the_address_is_taken(worker: Mesh, key: str | None) -> None:
    await register(worker, "k")
    assert "email_taken" == (await register(worker, key))[0]


async def test_of_six_at_once_one_registers_and_all_hear_of_it(worker: Mesh, documents: Documents) -> None:
    answers = await asyncio.gather(*(register(worker, "k") for _ in range(6)))  # five passwords are tried at once
    assert 1 == len(set(answers))
    assert None is answers[0][0]
    assert 1 == len(await documents("users"))


async def test_a_refusal_is_not_kept(worker: Mesh) -> None:
    assert "weak_password" == (await register(worker, "k", password="short"))[0]
    assert None is (await register(worker, "k"))[0]


async def test_a_key_is_good_for_a_day(worker: Mesh, database: Database) -> None:
    await register(worker, "k")
    await age(database, timedelta(hours=23.9))
    assert None is (await register(worker, "k"))[0]
    await age(database, timedelta(hours=0.2))
    assert None is (await register(worker, "k", email="berta@mesh.test"))[0]
    [anna, berta] = await database["users"].find().sort("email").to_list()
    assert "registration" not in anna
    assert "k" == berta["registration"]["key"]
    assert "anna@mesh.test" == anna["email"], "the user stays"


async def age(database: Database, by: timedelta) -> None:
    for user in await database["users"].find({"registration": {"$exists": True}}).to_list():
        at = user["registration"]["at"] - by
        await database["users"].update_one({"_id": user["_id"]}, {"$set": {"registration.at": at}})


async def test_whoever_registered_so_can_log_in(worker: Mesh) -> None:
    await register(worker, "k")
    assert (await worker.call(AUTH_LOGIN, Login(**ANNA))).access_token
