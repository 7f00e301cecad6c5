"""Processes that are told to end while they still wait for what they need: each ends at once, and leaves nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest
from httpx2 import AsyncClient
from pydantic import SecretStr

from devstack.servers.all import Servers
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from services import PROCESSES
from subjects import AUTH_JWKS, AUTH_SESSIONS_REVOKED
from tests.support.gateway.tokens import bearer
from tests.support.servers.processes import Process, service
from tests.support.servers.schemas import fresh_schema
from tests.support.waiting import until

SOON = 9.0
"""Seconds: `docker stop` waits for ten. A machine that is busy has as long again as the process took so far."""
_MIGRATIONS = 0x6D657368
SERVICES = {row.package: row for row in PROCESSES}
NEEDS = [
    *((package, "NATS_URL") for package in SERVICES),
    *((package, row.url_variable) for package, row in SERVICES.items() if row.url_variable),
]

WAYS: Final = (("silent", (SIGTERM, SIGTERM)), ("absent", (SIGINT,)), ("absent", (SIGTERM, SIGINT, SIGTERM)))
"""How the server fails and which signals arrive: each need is tried in one of these ways."""


def database_urls(servers: Servers) -> dict[str, str]:
    """The URL of each service's database, by its variable."""
    return {row.url_variable: servers.urls[row.name] for row in PROCESSES if row.url_variable}


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("stopped")) as servers:
        yield servers


@pytest.fixture
async def start(servers: Servers, tmp_path: Path) -> AsyncIterator[Callable[..., Process]]:
    """Make a process of a service that has all it needs, but for what a test changes."""
    made: list[Process] = []

    def process(package: str, **changes: str) -> Process:
        environment = {
            "NATS_URL": servers.nats_url,
            "NATS_NKEY_SEED": servers.nats_seeds[SERVICES[package].name],
            "GATEWAY_PORT": "0",
            **database_urls(servers),
            "AUTH_KEY_ENCRYPTION_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "NOTIFICATIONS_SMTP_URL": "smtp://127.0.0.1:1",
            "NOTIFICATIONS_FROM": "shop@northwind.example",
            **changes,
        }
        made.append(service(tmp_path / f"{package}.log", package, **environment))
        return made[-1]

    yield process
    for one in made:
        await one.end(Signals.SIGKILL)


class StandIn:
    """In a server's place: takes connections in and says nothing, or is gone for good after the first one."""

    def __init__(self, *, vanishes: bool) -> None:
        self.connections: list[asyncio.StreamWriter] = []
        self._vanishes = vanishes
        self._server: asyncio.Server

    def _take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._vanishes:
            self._server.close()
            writer.close()
        self.connections.append(writer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listen; yields the port."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        try:
            yield port
        finally:
            self._server.close()
            for writer in self.connections:
                writer.close()


def at_port(url: str, port: int) -> str:
    """The same URL at another port."""
    return url.replace(f":{urlsplit(url).port}", f":{port}")


async def ends_at_once(process: Process, *numbers: Signals) -> None:
    """Send the signals; the process must end soon, in good order, without a traceback."""
    began = time.monotonic()
    started_within = began - process.began
    for number in numbers[:-1]:
        process.signal(number)
    assert 0 == await process.end(numbers[-1])
    assert time.monotonic() - began < SOON + started_within
    log = process.log.read_text()
    assert "Traceback" not in log
    assert '"level":"error"' not in log.replace(" ", "")


@pytest.mark.parametrize(
    ("needs", "kind", "numbers"),
    [(needs, *WAYS[number % len(WAYS)]) for number, needs in enumerate(NEEDS)],
    ids=[" ".join(needs) for needs in NEEDS],
)
async def test_a_process_ends_while_it_waits_for_a_server(
    servers: Servers, start: Callable[..., Process], needs: tuple[str, str], kind: str, numbers: tuple[Signals, ...]
) -> None:
    service, variable = needs
    urls = {"NATS_URL": servers.nats_url, **database_urls(servers)}
    stand_in = StandIn(vanishes=kind == "absent")
    async with stand_in.listening() as port:
        process = start(service, **{variable: at_port(urls[variable], port)})
        await process.start()
        await until(lambda: bool(stand_in.connections))
        await ends_at_once(process, *numbers)
        assert "stopped_before_start" in process.log.read_text()


async def waits(connection: asyncpg.Connection, query: str) -> int:
    """How many sessions of a starting worker wait for a lock."""
    sql = """
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'customers' AND wait_event_type = 'Lock' AND query LIKE $1
    """
    return int(await connection.fetchval(sql, query))


@pytest.mark.parametrize("numbers", [(SIGTERM,), (SIGINT, SIGTERM)])
@pytest.mark.parametrize(
    ("blocker", "blocked"),
    [
        (f"SELECT pg_advisory_xact_lock({_MIGRATIONS})", "%pg_advisory_xact_lock%"),
        ("CREATE TABLE customers (blocks text)", "%CREATE TABLE customers%"),
    ],
    ids=["another migrates", "a statement is blocked"],
)
async def test_a_migration_that_waits_is_undone_at_once(
    servers: Servers, start: Callable[..., Process], blocker: str, blocked: str, numbers: tuple[Signals, ...]
) -> None:
    async with fresh_schema(servers.urls["customers"]) as url:
        other = await asyncpg.connect(url.get_secret_value())
        watcher = await asyncpg.connect(url.get_secret_value())
        try:
            async with other.transaction():
                await other.execute(blocker)
                process = start("customers_svc", CUSTOMERS_DATABASE_URL=url.get_secret_value())
                await process.start()
                while not await waits(watcher, blocked):
                    await asyncio.sleep(0.02)
                await ends_at_once(process, *numbers)
                assert 0 == await waits(watcher, "%"), "the server goes on with it"
                await other.execute("DROP TABLE IF EXISTS customers")
            assert [] == await tables(watcher, url)
        finally:
            await other.close()
            await watcher.close()


async def tables(connection: asyncpg.Connection, url: SecretStr) -> list[str]:
    """What a schema has."""
    schema = url.get_secret_value().partition("search_path=")[2]
    sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1"
    return [row["tablename"] for row in await connection.fetch(sql, schema)]


@pytest.mark.parametrize("service", [package for package in SERVICES if package != "auth_svc"])
async def test_a_process_without_the_keys_of_auth_ends_at_once(start: Callable[..., Process], service: str) -> None:
    process = start(service)
    await process.start()
    await process.said("gateway_started" if service == "gateway" else "service_started")
    await ends_at_once(process, SIGTERM)


async def test_a_gateway_whose_requests_wait_for_the_keys_ends_with_them(
    servers: Servers, start: Callable[..., Process]
) -> None:
    settings = {"nats_url": servers.nats_url, "nats_nkey_seed": servers.nats_seeds["auth"]}
    silent = await NatsTransport.connect(NatsSettings.model_validate(settings), "auth")
    asked: list[object] = []
    try:
        for endpoint in (AUTH_JWKS, AUTH_SESSIONS_REVOKED):
            await silent.subscribe(endpoint.subject, asked.append, "q")
        gateway = start("gateway", GATEWAY_TIMEOUT="2")
        await gateway.start()
        port = (await gateway.said("gateway_started"))["port"]
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            answer = asyncio.create_task(http.get("/v1/suppliers", headers=bearer("USER", kid="k")))
            await until(lambda: bool(asked))
            await ends_at_once(gateway, SIGTERM, SIGTERM)
            assert (await answer).status_code in {503, 504}
    finally:
        await silent.close()
