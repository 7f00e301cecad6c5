"""Shows the metrics of a process over HTTP, on a port of its own (ADR 33). It answers nothing but GET /metrics.

As with Prometheus's own clients, `?name[]=NAME` shows only the metrics named, without `_total`.
"""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from mesh.telemetry.exposition import OPENMETRICS, Exposition
from mesh.telemetry.metrics import Metrics

_MOST: Final = 8
"""Connections at once. Further ones are closed without an answer."""
_HEAD: Final = 8 * 1024
"""Bytes of a request."""
_TIMEOUT: Final = 5.0
"""Seconds for a whole request, and for its answer to be read."""
_TEXT: Final = "text/plain; charset=utf-8"


class AddressUnavailable(Exception):
    """The process cannot listen on the address; the message says why."""


@asynccontextmanager
async def listening(metrics: Metrics, host: str, port: int, *, reuse_port: bool = False) -> AsyncIterator[int]:
    """Answer GET /metrics while the context is open. Gives the port, which differs from `port` if that is 0.

    Raises AddressUnavailable.
    """
    listener = _Listener(metrics)
    try:
        hosts = await _hosts(host, port)
        server = await asyncio.start_server(listener.serve, hosts, port, limit=_HEAD, reuse_port=reuse_port or None)
    except UnicodeError:  # IDNA cannot encode the name
        raise AddressUnavailable(f"{host} is not a valid host name") from None
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        why = "the port is in use" if in_use else error.strerror or "the address is not one of this machine"
        raise AddressUnavailable(f"cannot listen on port {port} of {host}: {why}") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        listener.close()


async def _hosts(host: str, port: int) -> str | list[str]:
    """The address to listen on. Of a name with several, those of this machine. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    several = {(family, address) for family, *_, address in found}
    return host if len(several) == 1 else of_this_machine(several)


def of_this_machine(addresses: Iterable[tuple[int, tuple[Any, ...]]]) -> list[str]:
    """Those addresses of a name that are of this machine: in Docker, all replicas of a service share a name.

    `addresses` are pairs of a family and a socket's address. Raises OSError if none is.
    """
    own = []
    for family, address in sorted(addresses):
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address[0], 0, *address[2:]))
            own.append(str(address[0]))
    if not own:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return own


class _Listener:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._exposition = Exposition()
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then close the connection."""
        if len(self._open) >= _MOST:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            async with asyncio.timeout(_TIMEOUT):
                writer.write(await self._response(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            """The client is gone, slow, or sends no request that fits."""
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def close(self) -> None:
        """Close the open connections."""
        for writer in self._open:
            writer.transport.abort()

    async def _response(self, head: bytes) -> bytes:
        request, *lines = head.decode("latin-1").split("\r\n")
        method, _, target = request.partition(" ")
        path, _, query = target.partition(" ")[0].partition("?")
        if path != "/metrics":
            return _response(HTTPStatus.NOT_FOUND, b"The path is /metrics.\n")
        if method != "GET":
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"The method is GET.\n", more="Allow: GET\r\n")
        names = frozenset(parse_qs(query).get("name[]", ()))
        samples = self._metrics.read(names)
        # Writing takes some milliseconds: a thread lets the event loop go on meanwhile.
        write = partial(self._exposition.write, samples, openmetrics=_wants_openmetrics(lines), whole=not names)
        body, media_type = await asyncio.to_thread(write)
        return _response(HTTPStatus.OK, body, media_type)


def _wants_openmetrics(lines: list[str]) -> bool:
    headers = (line.lower().partition(":") for line in lines)
    return any(OPENMETRICS in value for name, _, value in headers if name.strip() == "accept")


def _response(status: HTTPStatus, body: bytes, media_type: str = _TEXT, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        f"{more}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
