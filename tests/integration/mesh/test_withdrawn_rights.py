"""A worker whose rights change while it runs: nats-server withdraws subscriptions, and says so once."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from mesh.core.errors import NoResponder
from mesh.nats.transport import NatsTransport
from mesh.service.health import health_monitor
from mesh.service.subscriptions import STARTING
from tests.support.mesh.sample_service import SAY, SHOUT, WHISPER, sample
from tests.support.servers.nats_server import NatsServer, ServerFactory
from tests.support.waiting import until

ENDPOINTS = [one.subject for one in (SAY, SHOUT, WHISPER)]


def users(*denied: str) -> str:
    """A configuration, in JSON, in which the worker may not subscribe to these."""
    worker = {"user": "worker", "password": "w", "permissions": {"subscribe": {"deny": denied}}}
    return json.dumps({"authorization": {"users": [worker, {"user": "caller", "password": "c"}]}})


async def able() -> None:
    """Stand for a database that is always there."""


@asynccontextmanager
async def serving(servers: ServerFactory) -> AsyncIterator[tuple[NatsServer, NatsTransport]]:
    """A server with a worker that is ready, and a caller."""
    server = servers(users())
    await server.start()
    transport = await server.connect("sample", nats_user="worker", nats_password="w")
    caller = await server.connect("caller", nats_user="caller", nats_password="c")
    service = sample(transport)
    try:
        async with health_monitor(service, able, "not used", every=0.02):
            await service.start()
            yield server, caller
            await service.drain()
    finally:
        await transport.close()
        await caller.close()


async def told(caller: NatsTransport) -> tuple[str, str | None] | None:
    """Whether the worker says that it is ready, and why not; None while it is not connected."""
    try:
        reply = await caller.request("$SRV.PING.sample", b"", {}, 5)
    except NoResponder:
        return None
    metadata = json.loads(reply.payload)["metadata"]
    return metadata["ready"], metadata.get("reason")


async def served(caller: NatsTransport, subjects: Sequence[str] = ENDPOINTS) -> set[str]:
    """Which of the subjects somebody answers."""
    answered = set()
    for subject in subjects:
        try:
            await caller.request(subject, b"", {}, 5)
        except NoResponder:
            continue
        answered.add(subject)
    return answered


async def until_served(caller: NatsTransport, subjects: Sequence[str]) -> None:
    while set(subjects) != await served(caller):
        await asyncio.sleep(0.005)


async def until_told(caller: NatsTransport, ready: str, reason: str | None = None) -> None:
    while (ready, reason) != await told(caller):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("denied", [(SHOUT.subject,), (SAY.subject, WHISPER.subject), ("sample.>",)])
async def test_a_withdrawn_subscription_makes_it_not_ready_until_it_is_allowed_again(
    servers: ServerFactory, denied: tuple[str, ...]
) -> None:
    async with serving(servers) as (server, caller):
        assert set(ENDPOINTS) == await served(caller)
        with capture_logs() as lines:
            server.configure(users(*denied))
            await until(lambda: any(line["event"] == "service_refused" for line in lines))
            ready, reason = await told(caller) or ("", "")
            assert "false" == ready
            assert str(reason).startswith(f"{STARTING}: NATS refuses sample.")
            assert set() == await served(caller)
            server.configure(users())
            await until_told(caller, "true")
        assert set(ENDPOINTS) == await served(caller)
        refusals = [line["subject"] for line in lines if line["event"] == "nats_refused"]
        assert len(set(refusals)) == len(refusals)  # retries add no lines
        assert 1 == sum(line["event"] == "service_subscribed" for line in lines)


async def test_a_subscription_that_is_refused_after_a_reconnect_makes_it_not_ready(servers: ServerFactory) -> None:
    async with serving(servers) as (server, caller):
        for denied, ready in ((SAY.subject,), "false"), ((), "true"):
            await server.stop()
            server.write(users(*denied))
            await server.start()
            await until(lambda: caller.connected)
            await until_told(caller, ready, f"{STARTING}: NATS refuses {SAY.subject}" if denied else None)
            await until_served(caller, ENDPOINTS if ready == "true" else ())


async def test_it_can_be_found_again_once_discovery_is_allowed_again(servers: ServerFactory) -> None:
    async with serving(servers) as (server, caller):
        server.configure(users("$SRV.>"))
        while await served(caller, ["$SRV.PING.sample"]):
            await asyncio.sleep(0.005)
        assert set(ENDPOINTS) == await served(caller)
        server.configure(users())
        while not await served(caller, ["$SRV.PING.sample"]):
            await asyncio.sleep(0.005)
