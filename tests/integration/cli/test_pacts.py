"""`mesh contracts verify` against workers that are not ours: it names the consumer that breaks, and why."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh.nats.client import publish_command
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from tests.support.contract import golden
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer

PACT = ROOT / "docs" / "contracts" / "consumers" / "gateway" / "customers.json"
FORBIDDEN = """
authorization {
  users: [{ user: anybody, password: secret, permissions: { publish: { deny: ["customers.>"] } } }]
}
no_auth_user: anybody
"""


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def pacts(tmp_path: Path) -> Path:
    """The gateway's pact, of `customers.get` alone."""
    pact = json.loads(PACT.read_bytes())
    pact["interactions"] = [one for one in pact["interactions"] if one["description"] == "customers.get"]
    (tmp_path / "pacts" / "gateway").mkdir(parents=True)
    (tmp_path / "pacts" / "gateway" / "customers.json").write_text(json.dumps(pact))
    return tmp_path / "pacts"


@asynccontextmanager
async def worker(url: str, edit: Callable[[dict[str, Any]], object]) -> AsyncIterator[None]:
    """Something that answers `customers.get` with the golden reply, edited."""
    reply = golden.sample("customers.get")
    edit(reply)
    transport = await NatsTransport.connect(NatsSettings.model_validate({"nats_url": url}), "customers")

    def answer(message: Message) -> None:
        transport.connection.send(publish_command(message.reply, json.dumps(reply).encode(), b"", ""))

    await transport.subscribe("customers.get", answer, "q")
    yield
    await transport.close()


async def verify(folder: Path, url: str, **environment: str) -> tuple[int | None, str, str]:
    command = (sys.executable, "-m", "cli.main", "contracts", "verify", str(folder))
    variables = {"NATS_URL": url, **environment}
    process = await create_subprocess_exec(*command, cwd=ROOT, env=variables, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_worker_that_renames_a_read_field_breaks_the_gateway(nats: NatsServer, pacts: Path) -> None:
    async with worker(nats.url, lambda reply: reply.update(company=reply.pop("company_name"))):
        status, out, _ = await verify(pacts, nats.url)

    assert 1 == status
    assert "broken   gateway   customers.get: gateway breaks: the reply lacks `company_name`\n" in out


async def test_a_worker_that_drops_an_unread_field_breaks_nobody(nats: NatsServer, pacts: Path) -> None:
    async with worker(nats.url, lambda reply: reply.pop("archived_at")):
        assert (0, "1 kept, 0 broken, 0 skipped\n", "") == await verify(pacts, nats.url)


async def test_without_a_worker_nothing_is_verified(nats: NatsServer, pacts: Path) -> None:
    assert (2, "", "mesh: no worker serves customers.get: start one\n") == await verify(pacts, nats.url)


async def test_what_nats_forbids_is_said(tmp_path: Path, pacts: Path) -> None:
    server = NatsServer(tmp_path, FORBIDDEN)
    await server.start()
    try:
        status, _, err = await verify(pacts, server.url)
    finally:
        await server.stop()
    assert 2 == status
    assert "customers.get" in err
    assert "connect as the consumer's NATS user" in err


async def test_without_nats_the_status_is_3(nats: NatsServer, pacts: Path) -> None:
    await nats.stop()
    status, out, err = await verify(pacts, nats.url, NATS_CONNECT_TIMEOUT="0.2")
    assert (3, "") == (status, out)
    assert 1 == err.count("\n")
