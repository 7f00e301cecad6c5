"""NATS's protocol by hand, as one of the users of nats.conf: to try what a client library would not."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import nkeys

import services
from devstack.servers.all import Servers

WORKERS = tuple(worker.name for worker in services.WORKERS)
USERS = tuple(user for user in services.USERS if user != "system")
"""Who sends on the mesh: system only looks after the server."""

_REFUSED = re.compile(r'Permissions Violation for (Publish|Subscription) to "([^"]+)"(?: using queue "([^"]+)")?')

Refusals = set[tuple[str, str, str]]
"""Of each: Publish or Subscription, the subject, the queue group or nothing."""


def introduction(info: bytes, seed: str, **instead: str) -> bytes:
    """The CONNECT of the seed's owner in answer to the server's INFO; with other fields, or others besides."""
    key = nkeys.from_seed(bytearray(seed.encode()))
    nonce = json.loads(info.removeprefix(b"INFO "))["nonce"]
    proof = {"nkey": key.public_key.decode(), "sig": base64.b64encode(key.sign(nonce.encode())).decode()}
    options = {"headers": True, "no_responders": True, "verbose": False, "pedantic": False}
    return f"CONNECT {json.dumps({**proof, **options, **instead})}\r\n".encode()


class RawConnection:
    """Commands go out as they are; what NATS refuses is gathered until it has answered all of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sids = iter(range(1, 100_000))
        self.messages: list[tuple[str, str]] = []
        """Subject and reply subject of each message that came."""

    async def log_in(self, seed: str) -> None:
        self._writer.write(introduction(await self._reader.readline(), seed))
        assert set() == await self.refused()

    def publish(self, subject: str, reply: str = "") -> None:
        self._writer.write(f"PUB {subject} {reply} 2\r\n{{}}\r\n".encode())

    def subscribe(self, subject: str, queue: str = "") -> None:
        self._writer.write(f"SUB {subject} {queue} {next(self._sids)}\r\n".encode())

    async def refused(self) -> Refusals:
        """What NATS has refused of all that was sent since the last time."""
        self._writer.write(b"PING\r\n")
        refusals: Refusals = set()
        while (line := (await self._reader.readline()).decode().strip()) != "PONG":
            if line.startswith("MSG "):
                _, subject, *rest, size = line.split()
                self.messages.append((subject, rest[1] if len(rest) > 1 else ""))
                await self._reader.readexactly(int(size) + 2)
            elif line.startswith("HMSG "):  # nobody serves the subject
                await self._reader.readexactly(int(line.split()[-1]) + 2)
            elif line.startswith("-ERR"):
                found = _REFUSED.search(line)
                assert found, line
                refusals.add((found[1], found[2], found[3] or ""))
            elif line == "PING":
                self._writer.write(b"PONG\r\n")
            else:
                assert line.startswith("INFO "), line or "NATS closed the connection"
        return refusals


@asynccontextmanager
async def connected(servers: Servers, users: Iterable[str]) -> AsyncIterator[dict[str, RawConnection]]:
    """A connection for each user."""
    address = urlsplit(servers.nats_url)
    connections: dict[str, RawConnection] = {}
    writers = []
    try:
        for user in users:
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writers.append(writer)
            connections[user] = RawConnection(reader, writer)
            await connections[user].log_in(servers.nats_seeds[user])
        yield connections
    finally:
        for writer in writers:
            writer.close()
