"""The service on real NATS: what in-memory delivery cannot show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.client.client import Client
from mesh.client.discover import ask_all
from mesh.core.errors import NoResponder
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from tests.support.mesh.sample_service import SAY, WHISPER, Gate, Say, sample
from tests.support.servers.nats_server import NatsServer, ServerFactory
from tests.support.waiting import until


async def started(server: NatsServer) -> tuple[Service, NatsTransport]:
    transport = await server.connect("sample")
    service = sample(transport)
    await service.start()
    return service, transport


class Traffic:
    """Callers that ask without a pause."""

    def __init__(self) -> None:
        self.answered = 0
        self.running = True

    async def ask(self, client: Client) -> None:
        while self.running:
            await client.call(WHISPER, Say())  # which nobody repeats: one that was lost raises
            self.answered += 1

    async def more(self) -> None:
        """Wait for twenty answers more."""
        before = self.answered
        await until(lambda: self.answered > before + 20)


@asynccontextmanager
async def traffic(caller: NatsTransport) -> AsyncIterator[Traffic]:
    """Eight callers until the end of the block."""
    client, traffic = Client(caller), Traffic()
    async with asyncio.TaskGroup() as callers:
        for _ in range(8):
            callers.create_task(traffic.ask(client))
        yield traffic
        traffic.running = False


async def test_rolling_drains_under_traffic_lose_nothing(server: NatsServer) -> None:
    caller = await server.connect("caller")
    service, transport = await started(server)
    async with traffic(caller) as load:
        for _ in range(20):
            successor = await started(server)
            await load.more()
            await service.drain()
            await transport.close()
            service, transport = successor
    assert load.answered > 400
    await service.drain()
    await transport.close()
    await caller.close()


async def test_poison_payloads_leave_the_worker_serving(server: NatsServer) -> None:
    service, transport = await started(server)
    caller = await server.connect("caller")
    for body in (b"\x00" * 1000, b"{" * 5000, b'{"text":"\\ud800"}', b"\xff" * 10_000):
        reply = await caller.request("sample.say", body, {}, 5)
        assert "422" == reply.headers["Nats-Service-Error-Code"]
    assert "hello" == (await Client(caller).call(SAY, Say())).text
    await service.drain()
    await transport.close()
    await caller.close()


async def test_a_reply_that_fits_only_without_its_headers_is_refused_here_and_the_link_stays(
    server: NatsServer,
) -> None:
    service, transport = await started(server)
    caller = await server.connect("caller")
    body = b'{"text":"' + b"x" * 10_922 + b'","times":96}'  # 1,048,523 bytes of reply, and its headers
    reply = await caller.request("sample.say", body, {}, 5)
    assert "413" == reply.headers["Nats-Service-Error-Code"]
    assert b'"reason":"message_too_large"' in reply.payload
    assert transport.connected
    assert "hello" == (await Client(caller).call(SAY, Say())).text
    await service.drain()
    await transport.close()
    await caller.close()


async def test_a_drain_waits_for_the_answers_to_be_confirmed(server: NatsServer) -> None:
    transport, caller = await server.connect("sample"), await server.connect("caller")
    gate = Gate()
    service = sample(transport, gate)
    await service.start()
    calls = [asyncio.ensure_future(Client(caller).call(SAY, Say())) for _ in range(100)]
    await until(lambda: gate.inside == 64)
    draining = asyncio.ensure_future(service.drain())
    gate.open.set()
    await draining
    await transport.close()
    assert 100 == len(await asyncio.gather(*calls))
    await caller.close()


async def test_pauses_under_traffic_lose_nothing_and_leave_it_to_the_others(server: NatsServer) -> None:
    caller = await server.connect("caller")
    workers = [await started(server) for _ in range(2)]
    async with traffic(caller) as load:
        for turn in range(20):
            service, _ = workers[turn % 2]
            await service.pause("the database does not answer")
            await load.more()
            await service.resume()
    for service, transport in workers:
        await service.drain()
        await transport.close()
    await caller.close()


async def test_while_everybody_is_paused_callers_hear_it_at_once(server: NatsServer) -> None:
    service, transport = await started(server)
    caller = await server.connect("caller")
    await service.pause("the database does not answer")
    with pytest.raises(NoResponder):
        await Client(caller).call(WHISPER, Say())
    [document] = await ask_all(caller, "INFO", enough=bool)
    assert {"ready": "false", "reason": "the database does not answer"}.items() <= (document.metadata or {}).items()
    await service.resume()
    assert "hello" == (await Client(caller).call(WHISPER, Say())).text
    await service.drain()
    await transport.close()
    await caller.close()


async def test_a_resume_without_nats_takes_effect_with_it(servers: ServerFactory) -> None:
    server = servers()
    await server.start()
    service, transport = await started(server)
    await service.pause("the database does not answer")
    await server.stop()
    await until(lambda: not transport.connected)
    for _ in range(3):
        await service.resume()
    await server.start()
    await until(lambda: transport.connected)
    caller = await server.connect("caller")
    assert "hello" == (await Client(caller).call(WHISPER, Say())).text
    await service.pause("the database does not answer")
    with pytest.raises(NoResponder):
        await Client(caller).call(WHISPER, Say())
    await service.drain()
    await transport.close()
    await caller.close()
