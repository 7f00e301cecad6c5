"""The health checks of compose.yaml that are commands of their own, run here as a container runs them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from devstack.servers.all import Servers
from tests.support.paths import ROOT

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
PORTS = {"mongo": "27017", "gateway": "8080"}


async def check(service: str, port: int, **environment: str) -> bool:
    """Run it, though the service listens on another port here; Compose reads `$$` as `$`."""
    kind, program, *arguments = SERVICES[service]["healthcheck"]["test"]
    assert "CMD" == kind
    assert PORTS[service] in arguments[-1]
    arguments[-1] = arguments[-1].replace(PORTS[service], str(port)).replace("$$", "$")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable if program == "python" else program, *arguments),
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[int]:
    """Answer each connection with these bytes; never, with None."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await over.wait()
        else:
            await reader.read(1)
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            over.set()


async def free_port() -> int:
    async with server(None) as port:
        return port


def mongo_port(databases: Servers) -> int:
    port = urlsplit(databases.urls["auth"].split(",")[0]).port
    assert port
    return port


async def test_mongodb_is_well_when_it_answers_a_ping(databases: Servers) -> None:
    assert await check("mongo", mongo_port(databases), HOSTNAME="127.0.0.1")


async def test_the_server_of_a_first_start_which_listens_on_loopback_alone_is_not_taken_for_it(
    databases: Servers,
) -> None:
    assert not await check("mongo", mongo_port(databases), HOSTNAME="127.0.0.2")


@pytest.mark.parametrize("service", PORTS)
async def test_what_does_not_listen_is_not_well(service: str) -> None:
    assert not await check(service, await free_port(), HOSTNAME="127.0.0.1")


@pytest.mark.parametrize("service", PORTS)
async def test_what_accepts_and_never_answers_is_not_well(service: str) -> None:
    async with server(None) as port:
        assert not await check(service, port, HOSTNAME="127.0.0.1")


@pytest.mark.parametrize("service", PORTS)
async def test_what_hangs_up_without_a_word_is_not_well(service: str) -> None:
    async with server(b"") as port:
        assert not await check(service, port, HOSTNAME="127.0.0.1")


@pytest.mark.parametrize("status", ["200 OK", "503 Service Unavailable", "404 Not Found", "500 200"])
async def test_the_gateway_is_well_when_it_answers_200(status: str) -> None:
    async with server(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode()) as port:
        assert status.startswith("200") == await check("gateway", port)
