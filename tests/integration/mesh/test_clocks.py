"""Over real NATS, with a worker whose clock is off: it answers, and drops what really waited on the way to it."""

import asyncio
import time
from typing import cast

import pytest

from mesh.client.client import Client
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import DeadlineExceeded
from tests.support.mesh.sample_service import Gate, Said, Say, sample
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until

ONCE = Endpoint("sample.say", Say, Said, Access.ANYONE)


@pytest.mark.parametrize("ahead", [-3600.0, -5.0, 0.0, 5.0, 3600.0])
async def test_what_waited_in_nats_is_not_begun_after_its_deadline(server: NatsServer, ahead: float) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    gate = Gate()
    gate.open.set()
    service = sample(worker, gate, clock=lambda: time.time() + ahead)
    await service.start()
    client = Client(caller)
    await client.call(ONCE, Say())

    socket = cast("asyncio.ReadTransport", worker.connection.socket.transport)
    socket.pause_reading()
    with pytest.raises(DeadlineExceeded):
        await client.call(ONCE, Say(), timeout=0.1)
    await asyncio.sleep(0.1)  # so that it is too late by more than what the way takes
    socket.resume_reading()
    await until(lambda: service.handled(ONCE) == 2)
    assert 1 == gate.passed

    await client.call(ONCE, Say())
    assert 2 == gate.passed
    await caller.close()
    await worker.close()
