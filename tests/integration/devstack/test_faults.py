from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from devstack.errors import DevstackError
from devstack.home.state import read_stack
from devstack.servers.postgres import Postgres
from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack

Eventually = Callable[[Callable[[], object]], Awaitable[None]]
NAMES = ("nats-1", "nats-2", "postgres", "mongo", "gateway-1", "gateway-2", "customers-1", "customers-2", "products")


@pytest.fixture(scope="module")
async def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, str]]) -> AsyncIterator[Stack]:
    """Real servers and stand-ins."""
    folder = tmp_path_factory.mktemp("faults")
    script = str(Path(__file__).with_name("stand_in.py"))
    settings = StackSettings(
        home=folder / "home", http_port=0, nats_nodes=2, replicas={"gateway": 2, "customers": 2}, niceness=10
    )
    async with Stack(
        settings,
        on_progress=lambda name, state, _: told.append((name, state)),
        service_command=lambda service: (sys.executable, script, service, str(folder)),
    ) as stack:
        yield stack


def processes(stack: Stack) -> dict[str, int]:
    """What other programs are told."""
    state = read_stack(stack.state.home)
    assert state is not None
    return state.processes


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_killed_serves_again_as_another_process(stack: Stack, eventually: Eventually, name: str) -> None:
    before = processes(stack)
    await stack.kill(name)
    assert not psutil.pid_exists(before[name])
    await eventually(lambda: name not in processes(stack))
    await stack.until_serving(name)
    after = processes(stack)
    assert after[name] == stack.pid(name) != before[name]
    assert {other: pid for other, pid in before.items() if other != name} == {
        other: pid for other, pid in after.items() if other != name
    }


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_restarted_serves_again_without_a_crash(
    stack: Stack, told: list[tuple[str, str]], name: str
) -> None:
    before = processes(stack)
    told.clear()
    await stack.restart(name)
    assert not psutil.pid_exists(before[name])
    assert processes(stack)[name] == stack.pid(name) != before[name]
    assert [(name, "restarting"), (name, "ready")] == told
    await asyncio.sleep(0.3)  # longer than the delay after a crash
    assert processes(stack)[name] == stack.pid(name)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel has no such groups")
async def test_what_gives_way_does_so_again_after_a_crash(stack: Stack) -> None:
    for _ in range(2):
        nice = {name: (psutil.Process(pid).nice(), _group_niceness(pid)) for name, pid in processes(stack).items()}
        own = psutil.Process().nice()  # that of whoever runs the tests
        for name in ("auth", "notifications"):
            assert (max(10, own), 10) == nice.pop(name)
        assert {(own, 0)} == set(nice.values())
        await stack.kill("auth")
        await stack.until_serving("auth")


def _group_niceness(session: int) -> int:
    return int(Path(f"/proc/{session}/autogroup").read_text().rpartition(" ")[2])


async def test_a_worker_is_replaced_before_it_ends(stack: Stack) -> None:
    pid = stack.pid("customers-1")
    assert pid is not None
    seen: set[int | None] = set()
    restarting = asyncio.create_task(stack.restart("customers-1"))
    while psutil.pid_exists(pid):
        seen.add(stack.pid("customers-1"))
        await asyncio.sleep(0)
    await restarting
    assert {pid, stack.pid("customers-1")} == seen - {None}


async def test_a_restart_does_not_wait_for_the_delay_after_a_crash(stack: Stack) -> None:
    await stack.kill("products")
    await stack.restart("products")
    assert processes(stack)["products"] == stack.pid("products")


async def test_restarts_at_the_same_time_come_one_after_the_other(stack: Stack) -> None:
    await asyncio.gather(*(stack.restart("gateway-2") for _ in range(3)))
    assert processes(stack)["gateway-2"] == stack.pid("gateway-2")


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_frozen_stands_still_until_it_thaws(stack: Stack, eventually: Eventually, name: str) -> None:
    process = psutil.Process(stack.pid(name))
    family = [process, *process.children(recursive=True)]
    stack.freeze(name)
    await eventually(lambda: {psutil.STATUS_STOPPED} == {one.status() for one in family})
    stack.thaw(name)
    await eventually(lambda: psutil.STATUS_STOPPED not in {one.status() for one in family})
    assert process.pid == stack.pid(name)


async def test_a_frozen_postgres_answers_on_no_open_connection(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.state.databases["customers"], command_timeout=0.3)
    try:
        stack.freeze("postgres")
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 1")
    finally:
        stack.thaw("postgres")
        await connection.close()


async def test_a_frozen_mongo_answers_after_it_thaws(stack: Stack) -> None:
    async with AsyncMongoClient[dict[str, object]](stack.state.databases["auth"], timeoutMS=500) as client:
        await client.get_default_database().command("ping")
        stack.freeze("mongo")
        try:
            with pytest.raises(PyMongoError):
                await client.get_default_database().command("ping")
        finally:
            stack.thaw("mongo")
    async with AsyncMongoClient[dict[str, object]](stack.state.databases["auth"]) as client:
        await client.get_default_database().command("ping")


@pytest.mark.parametrize("name", ["postgres", "nats-1", "customers-2"])
async def test_what_is_frozen_can_be_killed_and_restarted(stack: Stack, name: str) -> None:
    stack.freeze(name)
    await stack.kill(name)
    await stack.until_serving(name)
    stack.freeze(name)
    await stack.restart(name)
    assert processes(stack)[name] == stack.pid(name)


async def test_a_nats_server_reloads_as_the_same_process(stack: Stack) -> None:
    pid = stack.pid("nats-1")
    await stack.reload("nats-1")
    assert pid == stack.pid("nats-1")


async def test_a_process_that_does_not_end_well_is_reported_and_runs_again(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("stand_in.py"))

    def abrupt(service: str) -> tuple[str, ...]:
        program = (sys.executable, script, service, str(tmp_path))
        end_with_5 = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5));"
        speak_and_wait = "print('service_started', flush=True); signal.pause()"
        return program if service == "gateway" else (sys.executable, "-c", end_with_5 + speak_and_wait)

    async with Stack(StackSettings(home=tmp_path / "home", http_port=0), service_command=abrupt) as stack:
        with pytest.raises(DevstackError, match="auth ended with exit code 5 when it was asked to stop"):
            await stack.restart("auth")
        assert processes(stack)["auth"] == stack.pid("auth")


async def test_who_waits_learns_that_nobody_watches_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = str(Path(__file__).with_name("stand_in.py"))
    command = lambda service: (sys.executable, script, service, str(tmp_path))  # noqa: E731
    async with Stack(StackSettings(home=tmp_path / "home", http_port=0), service_command=command) as stack:

        async def is_broken(_: Postgres) -> None:
            raise OSError("of a kind that nobody thought of")

        monkeypatch.setattr(Postgres, "serving", is_broken)
        await stack.kill("postgres")
        with pytest.raises(OSError, match="nobody thought of"):
            await stack.until_serving("postgres")
