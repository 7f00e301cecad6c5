from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from devstack.servers.all import Servers


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
        nkeys_seed_str=servers.nats_seeds[user],
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


@pytest.mark.parametrize(("user", "subject"), [("operator", "events.>"), ("gateway", "events.auth.sessions_revoked")])
async def test_services_tell_events_to_gateway_and_operator(servers: Servers, user: str, subject: str) -> None:
    async with connected(servers, user) as listener, connected(servers, "auth") as worker:
        events = await listener.client.subscribe(subject)
        assert [] == await listener.settled()
        await worker.client.publish("events.auth.sessions_revoked", b"{}")
        assert "events.auth.sessions_revoked" == (await events.next_msg(timeout=5)).subject
