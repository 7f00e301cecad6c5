"""A worker that somebody else has taken over: a user of nats.conf that answers with whatever bytes it likes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from devstack.servers.all import Servers
from tests.security.nats.raw import introduction

NO_HEADERS = b""


class HostileWorker:
    """Answers each request with `body`, and with `head` in front of it as it stands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = NO_HEADERS
        self.body = b""
        self._reader = reader
        self._writer = writer

    async def join(self, seed: str, subjects: Iterable[tuple[str, str]]) -> None:
        """Log in, and listen to these subjects in these queue groups."""
        self._writer.write(introduction(await self._reader.readline(), seed))
        for sid, (subject, queue) in enumerate(subjects):
            self._writer.write(f"SUB {subject} {queue} {sid}\r\n".encode())
        self._writer.write(b"PING\r\n")
        while (line := await self._reader.readline()) != b"PONG\r\n":
            assert not line.startswith(b"-ERR"), line

    async def serve(self) -> None:
        """Answer until the connection ends."""
        while line := await self._reader.readline():
            kind, *fields = line.split()
            if kind == b"PING":
                self._writer.write(b"PONG\r\n")
            elif kind in {b"MSG", b"HMSG"}:
                await self._reader.readexactly(int(fields[-1]) + 2)
                self._answer(fields[2])

    def _answer(self, reply: bytes) -> None:
        size = len(self.head) + len(self.body)
        line = b"HPUB %b %d %d" % (reply, len(self.head), size) if self.head else b"PUB %b %d" % (reply, size)
        self._writer.write(b"%b\r\n%b%b\r\n" % (line, self.head, self.body))


@asynccontextmanager
async def hostile_worker(nats: Servers, service: str, subjects: Iterable[str]) -> AsyncIterator[HostileWorker]:
    """One in the place of the service, on these of its subjects and in discovery."""
    address = urlsplit(nats.nats_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    worker = HostileWorker(reader, writer)
    discovery = [f"$SRV.{verb}{of}" for verb in ("PING", "STATS") for of in ("", f".{service}")]
    await worker.join(nats.nats_seeds[service], [*((one, "q") for one in subjects), *((one, "") for one in discovery)])
    serving = asyncio.create_task(worker.serve())
    yield worker
    serving.cancel()
    await asyncio.wait([serving])
    writer.close()
