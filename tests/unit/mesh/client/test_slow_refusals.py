"""What a caller hears of a worker that refuses after a while, and how often such a worker is asked."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest

from mesh.client.client import Client
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import MeshError, Overloaded, Unavailable
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import error_reply
from tests.support.mesh.sample_service import Said, Say
from tests.support.virtual_clock import VirtualLoop

READ = Endpoint("sample.read", Say, Said, Access.ANYONE, idempotent=True, read=True, timeout=5)
LOGOUT = Endpoint("sample.logout", Say, Said, Access.ANYONE, idempotent=True, timeout=5)


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    with closing(VirtualLoop()) as loop:
        loop.run(work)


class Refusing:
    """A worker that refuses each request after so many seconds."""

    def __init__(self, broker: MemoryBroker, after: float, reason: str) -> None:
        self.asked_at: list[float] = []
        self._after = after
        self._reason = reason
        self._transport = MemoryTransport(broker, "refusing")

    async def start(self, subject: str) -> None:
        await self._transport.subscribe(subject, self._take, "q")

    def _take(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        self.asked_at.append(loop.time())
        headers, body = error_reply(Unavailable(self._reason, "not now"), "r1")
        loop.call_later(self._after, self._transport.broker.route, Message(message.reply, body, headers))


async def outcome(client: Client, endpoint: Endpoint[Say, Said], timeout: float | None = None) -> tuple[str, float]:
    """The reason that a call was refused for, and how long that took."""
    now = asyncio.get_running_loop().time
    began = now()
    with pytest.raises(Overloaded) as refused:
        await client.call(endpoint, Say(), timeout)
    return refused.value.reason, now() - began


@pytest.mark.parametrize("endpoint", [READ, LOGOUT])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0, 3.0, 4.9])
def test_a_refusal_that_took_a_while_is_the_answer(endpoint: Endpoint[Say, Said], seconds: float) -> None:
    async def scene() -> None:
        broker = MemoryBroker()
        worker = Refusing(broker, seconds, "database_unavailable")
        await worker.start(endpoint.subject)
        reason, took = await outcome(Client(MemoryTransport(broker)), endpoint)
        assert "database_unavailable" == reason
        assert seconds == pytest.approx(took, abs=0.01)

    in_virtual_time(scene())


@pytest.mark.parametrize(("seconds", "asked"), [(0.0, 4), (0.05, 4), (0.2, 4), (0.3, 1), (1.0, 1)])
def test_only_a_prompt_refusal_is_tried_again(seconds: float, asked: int) -> None:
    async def scene() -> None:
        broker = MemoryBroker()
        worker = Refusing(broker, seconds, "queue_full")
        await worker.start(READ.subject)
        await outcome(Client(MemoryTransport(broker)), READ)
        assert asked == len(worker.asked_at)

    in_virtual_time(scene())


@pytest.mark.parametrize("timeout", [0.2, 0.3, 0.45])
def test_a_refusal_is_the_answer_when_the_time_left_is_too_short_for_another(timeout: float) -> None:
    async def scene() -> None:
        broker = MemoryBroker()
        worker = Refusing(broker, 0.15, "queue_full")
        await worker.start(READ.subject)
        reason, took = await outcome(Client(MemoryTransport(broker)), READ, timeout)
        assert "queue_full" == reason
        assert took < timeout

    in_virtual_time(scene())


def test_many_callers_of_what_suffers_ask_it_once_each() -> None:
    async def scene() -> None:
        broker = MemoryBroker()
        worker = Refusing(broker, 1.0, "database_unavailable")
        await worker.start(READ.subject)
        client = Client(MemoryTransport(broker))
        for _ in range(3):
            await asyncio.gather(*(outcome(client, READ) for _ in range(50)))
        assert 150 == len(worker.asked_at)

    in_virtual_time(scene())


def test_a_call_is_asked_again_at_moments_that_differ() -> None:
    async def scene() -> None:
        broker = MemoryBroker()
        deaf = MemoryTransport(broker, "deaf")
        asked_at: list[float] = []
        now: Callable[[], float] = asyncio.get_running_loop().time
        await deaf.subscribe(LOGOUT.subject, lambda _: asked_at.append(now()), "q")
        calls = [Client(MemoryTransport(broker)).call(LOGOUT, Say()) for _ in range(50)]
        assert all(isinstance(one, MeshError) for one in await asyncio.gather(*calls, return_exceptions=True))
        second = [at for at in asked_at if 0 < at < 2.1]
        assert 50 == len(second)
        assert max(second) - min(second) > 0.4
        assert 1.25 < min(second), "a wait in the worker's queue ends before"
        assert max(second) < 2.0, "the gateway takes no frozen worker for congestion"

    in_virtual_time(scene())
