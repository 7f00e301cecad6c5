"""A whole worker with events, as a process of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from devstack.processes.child import end_with_launcher
from devstack.servers.all import Servers
from mesh.events.jetstream import DEAD, EVENTS
from mesh.nats.transport import NatsTransport
from providers.postgres.database import Database
from tests.support.events.on_servers import left, numbers, pulled, write
from tests.support.events.sample_events import ANNOUNCED
from tests.support.events.streams import make_consumer, stored
from tests.support.servers.frozen import frozen
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
TOO_LARGE = 2**31
"""A number that PostgreSQL's `int` cannot hold: its handler fails."""
Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start(server: NatsServer, database_url: SecretStr, tmp_path: Path) -> AsyncIterator[Start]:
    """Start workers that end with the test."""
    started: list[asyncio.subprocess.Process] = []
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "NATS_URL": server.url,
        "SAMPLE_DATABASE_URL": database_url.get_secret_value(),
    }
    end_with_us = end_with_launcher(signal.SIGKILL)

    async def start() -> asyncio.subprocess.Process:
        with (tmp_path / "worker.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.integration.events.sample_worker"),
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=end_with_us,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def effects(database: Database, count: int) -> None:
    """Wait until there are so many effects."""
    while len(await numbers(database)) < count:
        await asyncio.sleep(0.005)


async def test_a_worker_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(
    database: Database, transport: NatsTransport, start: Start
) -> None:
    await make_consumer(transport, "reader", ANNOUNCED.subject)
    process = await start()
    for kills in range(1, 5):
        await write(database, *((f"a{number % 7}", number) for number in range(kills * 100 - 100, kills * 100)))
        await effects(database, kills * 70)
        process.kill()
        await process.wait()
        process = await start()
    await effects(database, 400)
    while await left(database):
        await asyncio.sleep(0.01)

    assert [*range(400)] == await numbers(database)
    told = [json.loads(message.payload)["number"] for message in await pulled(transport, 400, "reader")]
    assert [*range(400)] == sorted(told)
    assert 800 == await stored(transport, EVENTS)
    assert 0 == await stored(transport, DEAD)


async def test_two_workers_take_turns_in_a_rolling_deploy(
    database: Database, transport: NatsTransport, start: Start, tmp_path: Path
) -> None:
    def started(count: int) -> bool:
        return (tmp_path / "worker.log").read_text().count("service_started") >= count

    workers = [await start(), await start()]
    await until(lambda: started(2))  # before that, SIGTERM ends a process at once
    writing = asyncio.create_task(write(database, *((f"a{number % 7}", number) for number in range(300))))
    for turn in range(2):
        await effects(database, turn * 100 + 50)
        successor = await start()
        await until(partial(started, 3 + turn))
        workers[turn].send_signal(signal.SIGTERM)
        assert 0 == await workers[turn].wait()
        workers[turn] = successor
    await writing
    await effects(database, 300)

    assert [*range(300)] == await numbers(database)


async def test_a_frozen_database_only_delays(
    database: Database, transport: NatsTransport, start: Start, databases: Servers
) -> None:
    await start()
    await write(database, *((f"a{number % 7}", number) for number in range(200)))
    await effects(database, 20)
    with frozen(databases, "postgres"):
        while await ready(transport) == "true":
            await asyncio.sleep(0.05)
    while await ready(transport) == "false":
        await asyncio.sleep(0.05)
    await effects(database, 200)

    assert [*range(200)] == await numbers(database)
    assert 0 == await stored(transport, DEAD)


async def ready(transport: NatsTransport) -> str:
    """What the worker tells in discovery."""
    answer = await transport.request("$SRV.PING.sample", b"", {}, 5)
    told: str = json.loads(answer.payload)["metadata"]["ready"]
    return told


async def counted(transport: NatsTransport) -> dict[str, Any]:
    """What the worker counts of its events."""
    answer = await transport.request("$SRV.STATS.sample", b"", {}, 5)
    events: dict[str, Any] = json.loads(answer.payload)["data"]["events"]
    return events


async def test_discovery_counts_what_was_handled_and_published(
    database: Database, transport: NatsTransport, start: Start
) -> None:
    await start()
    await write(database, ("a", 1), ("a", 2), ("b", TOO_LARGE))
    await effects(database, 2)
    while await left(database) or (events := await counted(transport))["handlers"]["sample.happened"]["retried"] < 2:
        await asyncio.sleep(0.01)

    handler = events["handlers"]["sample.happened"]
    assert (2, 0, 0) == (handler["handled"], handler["repeated"], handler["dead"])
    assert 2 <= handler["errors"] == handler["retried"]
    assert "internal: DataError" in handler["last_error"]
    assert (5, 0, "") == (events["published"], events["publish_errors"], events["last_publish_error"])
