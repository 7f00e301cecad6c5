from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from devstack.servers import Servers


class Connection:
    """A connection as one user, with what NATS held against it."""

    def __init__(self, client: Client, refusals: list[str]) -> None:
        self.client = client
        self.refusals = refusals

    async def settled(self) -> list[str]:
        """Return the refusals of everything asked so far."""
        await asyncio.sleep(0)  # the client's own writer goes first
        await self.client.flush()
        return self.refusals


@asynccontextmanager
async def connected(servers: Servers, user: str) -> AsyncIterator[Connection]:
    refusals: list[str] = []

    async def refused(error: Exception) -> None:
        refusals.append(str(error))

    client = await nats.connect(
        servers.nats_url,
        user=user,
        password=servers.nats_passwords[user],
        inbox_prefix=f"_INBOX_{user}".encode(),
        error_cb=refused,
    )
    try:
        yield Connection(client, refusals)
    finally:
        await client.close()


def answering(client: Client, *answers: bytes) -> Callable[[Msg], Coroutine[None, None, None]]:
    async def answer(message: Msg) -> None:
        for payload in answers:
            await client.publish(message.reply, payload)

    return answer


async def test_gateway_and_operator_read_from_a_worker(servers: Servers) -> None:
    async with connected(servers, "customers") as worker:
        await worker.client.subscribe("customers.get", "q", cb=answering(worker.client, b"ALFKI"))
        assert [] == await worker.settled()
        for user in ("gateway", "operator"):
            async with connected(servers, user) as caller:
                assert b"ALFKI" == (await caller.client.request("customers.get", b"{}", timeout=5)).data


async def test_a_worker_is_discovered(servers: Servers) -> None:
    subjects = [f"$SRV.{verb}{of}" for verb in ("PING", "INFO", "STATS") for of in ("", ".products", ".products.ID1")]
    async with connected(servers, "products") as worker, connected(servers, "operator") as operator:
        for subject in subjects:
            await worker.client.subscribe(subject, cb=answering(worker.client, b"{}"))
        assert [] == await worker.settled()
        for subject in subjects:
            assert b"{}" == (await operator.client.request(subject, b"", timeout=5)).data


async def test_a_worker_answers_once(servers: Servers) -> None:
    async with connected(servers, "auth") as worker, connected(servers, "gateway") as gateway:
        await worker.client.subscribe("auth.login", "q", cb=answering(worker.client, b"first", b"second"))
        await worker.settled()
        assert b"first" == (await gateway.client.request("auth.login", b"{}", timeout=5)).data
        (refusal,) = await worker.settled()
        assert "_inbox_gateway" in refusal


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("operator", "customers.create"),
        ("operator", "products.delete"),
        ("operator", "auth.login"),
        ("gateway", "events.customers.created"),
        ("gateway", "_INBOX_customers.x"),
        ("customers", "products.get"),
        ("customers", "auth.login"),
        ("customers", "events.products.changed"),
        ("customers", "_INBOX_gateway.x"),
        ("auth", "customers.get"),
    ],
)
async def test_a_process_cannot_send_what_is_not_its_own(servers: Servers, user: str, subject: str) -> None:
    async with connected(servers, user) as connection:
        await connection.client.publish(subject, b"{}")
        assert [f'nats: permissions violation for publish to "{subject.lower()}"'] == await connection.settled()


@pytest.mark.parametrize(
    ("user", "subject", "queue"),
    [
        ("operator", "customers.>", ""),
        ("operator", ">", ""),
        ("operator", "_INBOX_gateway.>", ""),
        ("gateway", "customers.get", "q"),
        ("gateway", "_INBOX.>", ""),
        ("customers", "customers.get", ""),
        ("customers", "customers.get", "another"),
        ("customers", "auth.>", "q"),
        ("customers", "$SRV.PING.products", ""),
        ("products", "_INBOX_customers.>", ""),
    ],
)
async def test_a_process_cannot_hear_what_is_not_its_own(servers: Servers, user: str, subject: str, queue: str) -> None:
    async with connected(servers, user) as connection:
        await connection.client.subscribe(subject, queue)
        (refusal,) = await connection.settled()
        assert refusal.startswith(f'nats: permissions violation for subscription to "{subject.lower()}"')


async def test_services_tell_events_to_gateway_and_operator(servers: Servers) -> None:
    async with connected(servers, "operator") as operator, connected(servers, "customers") as worker:
        events = await operator.client.subscribe("events.>")
        assert [] == await operator.settled()
        await worker.client.publish("events.customers.created", b"{}")
        assert "events.customers.created" == (await events.next_msg(timeout=5)).subject
