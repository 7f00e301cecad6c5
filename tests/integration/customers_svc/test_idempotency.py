"""Writes that may be repeated, asked for as the mesh asks: products' go the same way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from customers_svc.app import build
from customers_svc.settings import CustomersSettings
from mesh.core.context import Context
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import Problem
from providers.postgres.database import Database
from tests.support.mesh.sign_in import SignIn

NEW = b'{"customer_id": "NEWCO", "company_name": "New"}'


@pytest.fixture
async def broker(url: SecretStr, database: Database) -> AsyncIterator[MemoryBroker]:
    """A mesh with two workers on one database."""
    broker = MemoryBroker()
    async with AsyncExitStack() as resources:
        for _ in range(2):
            service = await build(
                CustomersSettings(customers_database_url=url, customers_seed=True), MemoryTransport(broker), resources
            )
            await service.start()
            resources.push_async_callback(service.drain)
        yield broker


async def send(broker: MemoryBroker, who: Context, payload: bytes = NEW, subject: str = "customers.create") -> bytes:
    headers = {"Authorization": who.authorization or "", "Idempotency-Key": "k"}
    return (await MemoryTransport(broker).request(subject, payload, headers, 5)).payload


def reason(reply: bytes) -> str:
    return Problem.model_validate_json(reply).reason


async def test_a_repeated_creation_gets_the_first_answer_to_the_byte(
    broker: MemoryBroker, sign_in: SignIn, database: Database
) -> None:
    anna = sign_in.asking_as("ADMIN")

    first = await send(broker, anna)
    await database.fetch("UPDATE customers SET city = 'Ulm', version = 2 WHERE customer_id = 'NEWCO'")

    assert b'{"customer_id":"NEWCO","company_name":"New",' == first[:44]
    assert [first] * 3 == [await send(broker, anna, b'{"company_name":"New","customer_id":"NEWCO"}') for _ in range(3)]


async def test_another_payload_under_the_key_is_a_conflict(broker: MemoryBroker, sign_in: SignIn) -> None:
    anna = sign_in.asking_as("ADMIN")
    await send(broker, anna)

    assert "idempotency_key_reused" == reason(await send(broker, anna, NEW.replace(b"New", b"Old")))


async def test_another_users_key_is_another(broker: MemoryBroker, sign_in: SignIn) -> None:
    await send(broker, sign_in.asking_as("ADMIN"))

    assert "customer_exists" == reason(await send(broker, sign_in.asking_as("ADMIN", user_id="u2")))


async def test_a_key_is_good_for_one_subject(broker: MemoryBroker, sign_in: SignIn) -> None:
    anna = sign_in.asking_as("ADMIN")
    archive = b'{"customer_id": "NEWCO"}'
    await send(broker, anna)

    archived = await send(broker, anna, archive, "customers.archive")

    assert b'"version":2' in archived
    assert archived == await send(broker, anna, archive, "customers.archive")


async def test_of_twenty_at_once_one_is_executed_and_all_get_its_answer(
    broker: MemoryBroker, sign_in: SignIn, database: Database
) -> None:
    anna = sign_in.asking_as("ADMIN")
    change = b'{"customer_id": "ALFKI", "expected_version": 1, "patch": {"city": "Ulm"}}'

    replies = await asyncio.gather(*(send(broker, anna, change, "customers.update") for _ in range(20)))

    assert 1 == len(set(replies))
    assert b'"city":"Ulm"' in replies[0]
    assert [2] == [row["version"] for row in await database.fetch("SELECT version FROM customers WHERE city = 'Ulm'")]


async def test_a_refusal_is_not_kept(broker: MemoryBroker, sign_in: SignIn, database: Database) -> None:
    anna = sign_in.asking_as("ADMIN")
    taken = b'{"customer_id": "ALFKI", "company_name": "New"}'

    assert "customer_exists" == reason(await send(broker, anna, taken))
    await database.fetch("DELETE FROM customers WHERE customer_id = 'ALFKI'")

    assert b'{"customer_id":"ALFKI","company_name":"New",' == (await send(broker, anna, taken))[:44]
