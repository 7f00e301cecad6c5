"""The relay's patience, on a clock of its own."""

import asyncio
from collections.abc import Mapping

from mesh.events.relay import Relay
from mesh.transport.base import Message, Resend
from mesh.transport.memory import MemoryTransport
from tests.memory_stores import MemoryStore, Session
from tests.memory_streams import StreamBroker
from tests.sample_events import entry
from tests.virtual_clock import VirtualLoop


class Slow(MemoryTransport):
    """Takes a second for each request."""

    async def request(
        self, subject: str, payload: bytes, headers: Mapping[str, str], timeout: float, resend: Resend | None = None
    ) -> Message:
        await asyncio.sleep(1)
        return await super().request(subject, payload, headers, timeout, resend)


def test_a_slow_stream_makes_short_claims() -> None:
    loop = VirtualLoop()

    async def relay_ten() -> None:
        store = MemoryStore()
        session = Session(store)
        for number in range(10):
            await session.write(entry(number))
        broker = StreamBroker()
        relay = Relay(session, Slow(broker))
        await relay.start()
        await asyncio.sleep(3.5)
        assert 7 == len(store.outbox)
        await asyncio.sleep(8)
        await relay.drain()
        assert [] == store.outbox
        assert [b'{"number":%d}' % number for number in range(10)] == [
            one.message.payload for one in broker.streams["EVENTS"]
        ]

    loop.run(relay_ten())
    loop.close()
