"""A gateway on real sockets and on a real NATS server, in front of spies in place of the workers."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from devstack.servers.all import Servers
from gateway.server import listener, serve_until
from gateway.settings import GatewaySettings
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from mesh.wire.names import ERROR_CODE
from subjects import ENDPOINTS

_STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Edge:
    """Where the gateway listens, and what workers were asked, by this gateway or by another on the same NATS."""

    port: int
    seen: list[Message]

    async def said(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """All that is answered to these bytes until the gateway ends the connection; `pause` seconds between them."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()


def statuses(said: bytes) -> list[int]:
    """The status of each answer."""
    return [int(status) for status in _STATUS_LINE.findall(said)]


def headers(said: bytes) -> dict[str, list[str]]:
    """The headers of the first answer, by name in small letters."""
    found = defaultdict(list)
    for line in said.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        found[name.lower()].append(value)
    return dict(found)


async def connected(nats: Servers, user: str) -> NatsTransport:
    """A connection as one of the users of nats.conf."""
    told = {"nats_url": nats.nats_url, "nats_nkey_seed": nats.nats_seeds[user]}
    return await NatsTransport.connect(NatsSettings.model_validate(told), user)


@asynccontextmanager
async def spying(nats: Servers) -> AsyncIterator[list[Message]]:
    """Take in what the workers are asked, in their place, and find nothing."""
    seen: list[Message] = []
    answering = set()

    def deliver(transport: NatsTransport, message: Message) -> None:
        seen.append(message)
        task = asyncio.create_task(transport.publish(message.reply, b"", {ERROR_CODE: "404"}))
        answering.add(task)
        task.add_done_callback(answering.discard)

    async with AsyncExitStack() as resources:
        for service in sorted({endpoint.service for endpoint in ENDPOINTS}):
            transport = await connected(nats, service)
            resources.push_async_callback(transport.close)
            for endpoint in ENDPOINTS:
                if endpoint.service == service:
                    await transport.subscribe(endpoint.subject, partial(deliver, transport), "q")
        yield seen


@asynccontextmanager
async def edge(nats: Servers, seen: list[Message], **settings: Any) -> AsyncIterator[Edge]:  # noqa: ANN401  # each has a type
    """Start a gateway with these settings in front of the spies. It asks them each time: it keeps no answer."""
    told = GatewaySettings.model_validate({"gateway_cache": 0, **settings})
    transport = await connected(nats, "gateway")
    stop = asyncio.Event()
    with listener("127.0.0.1", 0) as listening:
        listening.listen()  # from now on, so that nobody is turned away before the gateway serves
        serving = asyncio.create_task(serve_until(stop, told, transport, listening))
        yield Edge(listening.getsockname()[1], seen)
        stop.set()
        await serving
    await transport.close()
