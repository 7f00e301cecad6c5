"""The streams of a running mesh, as its operator and its deployer see them."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from devstack.home.state import Operator
from devstack.stack.stack import Stack
from mesh.core.errors import MeshError
from mesh.events.stored import Stored, read_all
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from ops.jetstream import JetStream
from ops.streams import DEAD_STREAM, EVENT_STREAM, handlers, streams
from services import BY_NAME, PROCESSES
from subjects import EVENTS
from tests.support.long_form import LONG

CONSUMERS: Final = tuple(row.name for row in handlers(PROCESSES))
HANDLED: Final = {name: frozenset(event.subject for event in BY_NAME[name].handles) for name in CONSUMERS}
_SOON: Final = 4 * 10**9


@dataclass(frozen=True)
class Streams:
    """EVENTS and DEAD."""

    operator: JetStream
    deployer: JetStream

    async def unsettled(self) -> dict[str, int]:
        """How many messages each service has still to settle; nothing for those that have none."""
        found = await self.operator.consumers(EVENT_STREAM)
        return {one.name: count for one in found if (count := one.num_pending + one.num_ack_pending)}

    async def last(self) -> int:
        """The sequence of the newest event."""
        info = await self.operator.stream(EVENT_STREAM)
        assert info is not None
        return info.state.last_seq

    async def leader(self) -> str:
        """The node of a cluster that leads the stream of events."""
        while True:
            with suppress(MeshError):  # while the nodes elect one, nobody answers
                answer = await self.operator.transport.request(f"$JS.API.STREAM.INFO.{EVENT_STREAM}", b"", {}, 1)
                if leader := json.loads(answer.payload).get("cluster", {}).get("leader"):
                    return str(leader)

    async def events(self, start: int = 1) -> list[Stored]:
        """The stored events and retries."""
        return [one async for one in read_all(self.operator.transport, EVENT_STREAM, start)]

    async def letters(self) -> list[Stored]:
        """The dead letters."""
        return [one async for one in read_all(self.operator.transport, DEAD_STREAM)]

    async def deliver_again_soon(self) -> None:
        """Have NATS deliver after 4 s what a killed process had, and not after 30 s: the short form waits for it."""
        for stream in streams(PROCESSES, EVENTS):
            for consumer in stream.consumers:
                await self.deployer.put_consumer(stream.name, {**consumer.config(), "ack_wait": _SOON})


@asynccontextmanager
async def streams_of(stack: Stack) -> AsyncIterator[Streams]:
    """The streams of the stack; in the short form what a killed process had is soon delivered again."""
    async with AsyncExitStack() as resources:

        async def connected(user: str, person: Operator) -> JetStream:
            settings = NatsSettings.model_validate({**person.settings(), "nats_url": stack.state.nats_url})
            transport = await NatsTransport.connect(settings, user)
            resources.push_async_callback(transport.close)
            return JetStream(transport, within=30)

        state = stack.state
        found = Streams(await connected("operator", state.operator), await connected("deployer", state.deployer))
        if not LONG:
            await found.deliver_again_soon()
        yield found
