from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from devstack.errors import DevstackError
from devstack.home.state import read_stack
from devstack.stack.services import ServiceCommand
from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from services import BY_NAME
from tests.support.servers.processes import lives

Eventually = Callable[[Callable[[], object]], Awaitable[None]]
EVERYTHING = {"nats", "postgres", "mongo", *BY_NAME, "customers-1", "customers-2"} - {"customers"}


async def test_a_stack_starts_tells_about_itself_and_leaves_nothing(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually
) -> None:
    told: list[tuple[str, str]] = []
    lines: list[tuple[str, str]] = []
    settings = StackSettings(home=tmp_path / "home", http_port=0, replicas={"customers": 2})
    assert read_stack(settings.home) is None

    stack = Stack(
        settings,
        on_progress=lambda name, state, _: told.append((name, state)),
        on_line=lambda name, line: lines.append((name, line)),
        service_command=stand_ins,
    )
    async with stack:
        state = read_stack(settings.home)
        assert state == stack.state
        assert 0o600 == stat.S_IMODE((settings.home / "stack.json").stat().st_mode)
        assert EVERYTHING == set(state.processes)
        assert all(psutil.pid_exists(pid) for pid in state.processes.values())
        assert os.getpid() == state.pid
        assert state.operator.nkey_seed_file is not None
        assert 0o600 == stat.S_IMODE(state.operator.nkey_seed_file.stat().st_mode)
        assert (None, "_INBOX_operator") == (state.operator.password, state.operator.inbox_prefix)
        assert {(name, "ready") for name in EVERYTHING} <= set(told)
        await eventually(lambda: ("gateway", "gateway speaks: service_started") in lines)

    assert read_stack(settings.home) is None
    assert not (settings.home / "stack.json").exists()
    assert not any(psutil.pid_exists(pid) for pid in state.processes.values())
    stopped = [name for name, what in told if what == "stopped"]
    assert "gateway" == stopped[0]
    assert {"nats", "postgres", "mongo"} == set(stopped[-3:])


async def test_a_service_sees_its_own_secrets_only(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMERS_POOL_SIZE", "7")
    monkeypatch.setenv("LOG_FORMAT", "json")
    settings = StackSettings(home=tmp_path / "home", http_port=0)
    async with Stack(settings, service_command=stand_ins) as stack:
        state = stack.state
        await eventually(lambda: len(BY_NAME) == len(list(tmp_path.glob("*.environment.json"))))
    seen = {service: json.loads((tmp_path / f"{service}.environment.json").read_text()) for service in BY_NAME}
    assert {"7"} == {seen["customers"]["CUSTOMERS_POOL_SIZE"]}
    assert "CUSTOMERS_POOL_SIZE" not in seen["gateway"]
    assert state.databases["customers"] == seen["customers"]["CUSTOMERS_DATABASE_URL"]
    assert "true" == seen["products"]["PRODUCTS_SEED"]
    assert state.databases["auth"] == seen["auth"]["AUTH_MONGODB_URL"]
    assert state.admin.password == seen["auth"]["AUTH_ADMIN_PASSWORD"]
    for service, environment in seen.items():
        assert "json" == environment["LOG_FORMAT"]
        others = {f"{name.upper()}_" for name in BY_NAME if name != service}
        assert not [name for name in environment if name.startswith(tuple(others))]
    assert len(BY_NAME) == len({environment["NATS_NKEY_SEED"] for environment in seen.values()})


async def test_what_crashes_is_started_again_and_stack_json_knows(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually
) -> None:
    told: list[tuple[str, str, str]] = []

    async def crash(stack: Stack, name: str) -> None:
        before = stack.state
        os.kill(before.processes[name], signal.SIGKILL)
        await eventually(lambda: (name, "restarting", "was ended by SIGKILL; again in 0.2 s") in told)
        await eventually(lambda: told[-1][:2] == (name, "ready"))
        after = read_stack(stack.state.home)
        assert after is not None
        assert before.processes.keys() == after.processes.keys()
        assert before.processes[name] != after.processes[name]
        assert "was ended by SIGKILL" == after.ended[name]
        changing: dict[str, dict[str, str]] = {"processes": {}, "ended": {}}
        assert before.model_copy(update=changing) == after.model_copy(update=changing)

    settings = StackSettings(home=tmp_path / "home", http_port=0)
    async with Stack(settings, lambda *what: told.append(what), service_command=stand_ins) as stack:
        for name in ("products", "gateway", "nats", "postgres", "mongo"):
            await crash(stack, name)


async def test_a_service_that_never_starts_ends_the_stack_with_its_last_words(tmp_path: Path) -> None:
    def failing(_: str) -> tuple[str, ...]:
        return (sys.executable, "-c", "import sys; sys.exit('no such module')")

    settings = StackSettings(home=tmp_path, http_port=0)
    with pytest.raises(DevstackError, match=r"ended with exit code 1\n.*no such module"):
        await Stack(settings, service_command=failing).start()
    assert [] == [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in _line(process)]


@pytest.mark.parametrize("moment", [("postgres", "starting"), ("mongo", "ready"), ("gateway", "starting")])
async def test_a_start_that_is_cancelled_leaves_nothing(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually, moment: tuple[str, str]
) -> None:
    told: list[tuple[str, str]] = []
    settings = StackSettings(home=tmp_path, http_port=0)
    stack = Stack(settings, lambda name, state, _: told.append((name, state)), service_command=stand_ins)
    starting = asyncio.create_task(stack.start())
    await eventually(lambda: moment in told)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert [] == [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in _line(process)]


async def test_a_taken_port_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevstackError, match=f"port {port} is in use: free it, or choose another with --http-port"):
            await Stack(StackSettings(home=tmp_path, http_port=port)).start()
    assert not (tmp_path / "postgres").exists()


def have_databases_elsewhere(environment: pytest.MonkeyPatch) -> None:
    schemes = {"postgres": "postgresql", "mongo": "mongodb"}
    for process in BY_NAME.values():
        if process.store and process.url_variable:
            environment.setenv(process.url_variable, f"{schemes[process.store]}://elsewhere/{process.name}")


async def test_somebody_elses_servers_are_used_and_not_started(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://elsewhere:4222")
    monkeypatch.setenv("NATS_USER", "everybody")
    monkeypatch.setenv("NATS_PASSWORD", "shared")
    have_databases_elsewhere(monkeypatch)
    settings = StackSettings(home=tmp_path / "home", http_port=0)
    async with Stack(settings, service_command=stand_ins) as stack:
        assert {*BY_NAME} == set(stack.state.processes)
        await eventually((tmp_path / "customers.environment.json").exists)
        assert ("everybody", None) == (stack.state.operator.user, stack.state.nats_monitor_url)
    environment = json.loads((tmp_path / "customers.environment.json").read_text())
    assert ("nats://elsewhere:4222", "everybody") == (environment["NATS_URL"], environment["NATS_USER"])
    assert "postgresql://elsewhere/customers" == environment["CUSTOMERS_DATABASE_URL"]


async def test_with_tls_everybody_is_told_whom_to_trust(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_databases_elsewhere(monkeypatch)
    settings = StackSettings(home=tmp_path / "a home", http_port=0, tls=True)
    async with Stack(settings, service_command=stand_ins) as stack:
        state = stack.state
        await eventually((tmp_path / "customers.environment.json").exists)
        operator = {"nats_url": state.nats_url, **state.operator.settings()}
        transport = await NatsTransport.connect(NatsSettings.model_validate(operator), "operator")
        await transport.close()
    environment = json.loads((tmp_path / "customers.environment.json").read_text())
    assert state.nats_url.startswith("tls://")
    assert (state.nats_url, str(state.operator.tls_ca)) == (environment["NATS_URL"], environment["NATS_TLS_CA"])


async def test_a_killed_launcher_leaves_no_orphan_and_its_home_opens_again_with_its_first_admin(
    tmp_path: Path, stand_ins: ServiceCommand, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("launcher.py")), str(tmp_path)
    )
    await eventually(lambda: read_stack(tmp_path))
    state = read_stack(tmp_path)
    assert state is not None
    connection = await asyncpg.connect(state.databases["customers"])  # a PostgreSQL process of its own
    family = psutil.Process(launcher.pid).children(recursive=True)
    assert len(family) > len(state.processes)

    with pytest.raises(DevstackError, match=f"as process {launcher.pid}"):
        await Stack(StackSettings(home=tmp_path, http_port=0), service_command=stand_ins).start()

    launcher.kill()
    await launcher.wait()
    assert read_stack(tmp_path) is None
    monkeypatch.setenv("AUTH_ADMIN_PASSWORD", "another than it was made with")
    async with Stack(StackSettings(home=tmp_path, http_port=0), service_command=stand_ins) as stack:
        assert not any(lives(process) for process in family)
        assert state.admin == stack.state.admin
    connection.terminate()


def _line(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or ())
