"""Standard streams that are closed, full or unread, homes of every spelling: no command minds, and no process does."""

import asyncio
import fcntl
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from httpx2 import AsyncClient, ConnectError
from typer.main import get_command

from cli.application import application
from devstack.stack.stack import Stack
from tests.support.command import ALFKI, MESH, Streams, forked
from tests.support.servers.nats_server import NatsServer, free_port
from tests.support.servers.processes import Process, module

COMMANDS = {
    "call": ("call", "customers.get", ALFKI),
    "compose init": ("compose", "init", "--folder", "nowhere"),
    "console": ("console", "--home", "nowhere"),
    "conform": ("conform", "customers", "--home", "nowhere"),
    "contracts can-i-deploy": ("contracts", "can-i-deploy", "customers", "--home", "nowhere"),
    "contracts diff": ("contracts", "diff", "absent"),
    "contracts release": ("contracts", "release", "0.0.1"),
    "contracts export": ("contracts", "export", "exported"),
    "contracts generate": ("contracts", "generate", "typescript"),
    "contracts record": ("contracts", "record", "recorded", "--consumer", "stock"),
    "contracts verify": ("contracts", "verify", "--home", "nowhere"),
    "describe": ("describe", "customers.get"),
    "doctor": ("doctor", "--home", "nowhere"),
    "down": ("down", "--home", "nowhere"),
    "events dead drop": ("events", "dead", "drop", "1", "--yes", "--home", "nowhere"),
    "events dead ls": ("events", "dead", "ls", "--home", "nowhere"),
    "events dead retry": ("events", "dead", "retry", "1", "--home", "nowhere"),
    "events dead show": ("events", "dead", "show", "1", "--home", "nowhere"),
    "events ls": ("events", "ls"),
    "events replay": ("events", "replay", "carts", "--since", "1h", "--yes", "--home", "nowhere"),
    "events show": ("events", "show", "1", "--home", "nowhere"),
    "events tail": ("events", "tail", "--home", "nowhere"),
    "generate": ("generate", "--folder", "nowhere"),
    "keys rotate": ("keys", "rotate", "--home", "nowhere"),
    "logs": ("logs", "--lines", "5"),
    "ls": ("ls", "--within", "0.05"),
    "mail ls": ("mail", "ls"),
    "mail show": ("mail", "show", "1", "--home", "nowhere"),
    "nats keys": ("nats", "keys", "keys"),
    "nats permissions": ("nats", "permissions"),
    "nats streams": ("nats", "streams"),
    "nats user add": ("nats", "user", "add", "reports", "--calls", "nowhere.get"),
    "nats user remove": ("nats", "user", "remove", "reports"),
    "new endpoint": ("new", "endpoint", "nowhere.get"),
    "new service": ("new", "service", "Nowhere"),
    "restart": ("restart", "customers", "--home", "nowhere"),
    "subjects": ("subjects", "--json"),
    "token": ("token", "--admin"),
    "top": ("top", "--once", "--every", "0.2"),
    "trace": ("trace", "nothing", "--home", "nowhere"),
    "up": ("up", "--http-port", "70000"),
    "users create-admin": ("users", "create-admin", "new@northwind.example", "--home", "nowhere"),
    "users disable": ("users", "disable", "nobody@northwind.example", "--home", "nowhere"),
    "users enable": ("users", "enable", "nobody@northwind.example", "--home", "nowhere"),
    "users list": ("users", "list"),
    "users reset-password": ("users", "reset-password", "nobody@northwind.example", "--home", "nowhere"),
    "users set-roles": ("users", "set-roles", "nobody@northwind.example", "USER", "--home", "nowhere"),
}
REFUSED = (
    *(
        "compose init",
        "contracts generate",
        "contracts release",
        "generate",
        "mail show",
        "nats user add",
        "nats user remove",
    ),
    *("new endpoint", "new service", "users create-admin"),
)
FAILS = {name: 3 for name, arguments in COMMANDS.items() if "nowhere" in arguments}
FAILS |= {**dict.fromkeys(REFUSED, 1), "up": 2, "contracts diff": 2}
"""The exit status of each command that fails."""
FEW = ("--only", "gateway", "--only", "customers")
"""A small mesh: it is about what starts the services, not about them."""
WEIRD = 'it\'s a "home" of $HOME & `co`; ~ü'


def leaves(command: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path)
    else:
        for name, one in below.items():
            yield from leaves(one, (*path, name))


async def shell(folder: Path, script: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a line of a shell whose "$@" is the command: its status, and what came out of its streams."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/bash", "-c", f"set -o pipefail; {script}", "bash", *arguments),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


def test_every_command_is_tried() -> None:
    assert set(leaves(get_command(application()))) == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
async def test_no_command_minds_its_streams(tmp_path: Path, stack: Stack, name: str) -> None:
    async def run(folder: str, streams: Streams) -> int:
        (tmp_path / folder).mkdir()  # commands that write files would otherwise meet in one folder
        home = str(stack.state.home)
        return await forked(COMMANDS[name], streams, tmp_path / folder, {"MESH_HOME": home})

    told = tmp_path / "told"
    closed, full = await asyncio.gather(
        run("closed", Streams(None, None, None)), run("full", Streams(stdout=Path("/dev/full"), stderr=told))
    )

    assert FAILS.get(name, 0) == closed
    require_told(name, full, told.read_text())


def require_told(name: str, status: int, err: str) -> None:
    """Require what a command says when standard output is full."""
    if name in FAILS:
        assert FAILS[name] == status
        assert 1 >= len(err.splitlines()), err
    else:
        assert (1, "mesh: [Errno 28] No space left on device\n") == (status, err)


@pytest.mark.parametrize("name", ["call", "users create-admin"])
async def test_a_new_interpreter_minds_its_streams_no_more(tmp_path: Path, stack: Stack, name: str) -> None:
    home = str(stack.state.home)
    closed, full = await asyncio.gather(
        shell(tmp_path, '"$@" <&- >&- 2>&-', MESH, *COMMANDS[name], MESH_HOME=home),
        shell(tmp_path, '"$@" >/dev/full', MESH, *COMMANDS[name], MESH_HOME=home),
    )

    assert (FAILS.get(name, 0), "", "") == closed
    require_told(name, full[0], full[2])


@pytest.mark.parametrize("name", ["events ls", "generate", "ls", "nats permissions", "users list"])
async def test_nobody_has_to_read_what_a_command_prints(tmp_path: Path, stack: Stack, name: str) -> None:
    command = (MESH, *COMMANDS[name])
    home = str(stack.state.home)

    mute, unread = await asyncio.gather(
        shell(tmp_path, '"$@" 2>/dev/full', *command, MESH_HOME=home),
        shell(tmp_path, '"$@" | head -c 0', *command, MESH_HOME=home),
    )

    assert (FAILS.get(name, 0), "") == (mute[0], mute[2])
    assert int(name in FAILS) == len(unread[2].splitlines()), unread[2]


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-"])
@pytest.mark.parametrize("name", ["call", "users create-admin"])
async def test_a_single_stream_may_be_closed(tmp_path: Path, stack: Stack, name: str, stream: str) -> None:
    ended = await shell(tmp_path, f'"$@" {stream}', MESH, *COMMANDS[name], MESH_HOME=str(stack.state.home))
    assert (1 if name in FAILS else 0) == ended[0]
    assert "Traceback" not in ended[1] + ended[2]


async def test_what_is_for_programs_is_plain_though_colours_are_forced(tmp_path: Path, stack: Stack) -> None:
    told = {"MESH_HOME": str(stack.state.home), "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "CLICOLOR_FORCE": "1"}
    problem = json.dumps({"customer_id": "QQQQQ"})
    for arguments in (("call", "customers.get", ALFKI), ("ls", "--json"), ("subjects", "--json")):
        status, out, err = await shell(tmp_path, '"$@"', MESH, *arguments, **told)
        assert (0, "") == (status, err)
        assert [json.loads(line) for line in out.splitlines()]
        assert "\x1b" not in out
    status, out, err = await shell(tmp_path, '"$@"', MESH, "call", "customers.get", problem, **told)
    assert (1, "", "customer_not_found") == (status, out, json.loads(err)["reason"])
    assert "\x1b" not in err


async def test_letters_that_a_terminal_does_not_know_are_no_traceback(tmp_path: Path, stack: Stack) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "MESH_HOME": str(stack.state.home)}
    status, out, err = await shell(tmp_path, '"$@"', MESH, "call", "customers.list", "{}", **ascii_only)
    assert (0, "") == (status, err)
    assert "México D.F." in str(json.loads(out))
    odd = os.fsdecode(b"\xff")
    status, _, err = await shell(tmp_path, '"$@"', MESH, "ls", "--home", odd)
    assert (3, 1) == (status, len(err.splitlines()))


async def test_what_mesh_up_prints_can_be_pasted_whatever_the_home_is_called(tmp_path: Path) -> None:
    home = tmp_path / WEIRD
    up = Process(
        tmp_path / "up.log",
        MESH,
        "up",
        "--home",
        str(home),
        "--http-port",
        "0",
        *FEW,
        "--only",
        "auth",
        FORCE_COLOR="1",
    )
    async with up:
        while "Ctrl-C stops everything" not in up.log.read_text():
            assert up.running, up.log.read_text()
            await asyncio.sleep(0.05)
        lines = up.log.read_text().splitlines()
        (call,) = [line.strip() for line in lines if "mesh call" in line]
        (curl,) = [line.strip() for line in lines if "mesh token" in line]
        (nats,) = [line.partition("or")[2].strip() for line in lines if "nats -s" in line]
        pasted = await shell(tmp_path, call)
        read = await shell(tmp_path, curl)
        code = await up.end(signal.SIGTERM)

        assert (0, "") == (pasted[0], pasted[2])
        assert "ALFKI" == json.loads(pasted[1])["customer_id"]
        assert (0, "ALFKI") == (read[0], json.loads(read[1])["customer_id"]), read[2]
        assert str(home / "operator.nk") in shlex.split(nats)
        assert "\x1b" not in up.log.read_text()
        assert 0 == code


async def test_mesh_up_runs_without_any_stream(tmp_path: Path) -> None:
    home = tmp_path / "home"
    line = f'exec "$@" up --home {shlex.quote(str(home))} --http-port 0 {" ".join(FEW)} <&- >&- 2>&-'
    up = Process(tmp_path / "up.log", "/bin/sh", "-c", line, "sh", MESH)
    async with up:
        while not (home / "stack.json").exists():
            assert up.running, up.log.read_text()
            await asyncio.sleep(0.05)
        assert 0 == await up.end(signal.SIGTERM)


async def test_mesh_up_ends_in_good_order_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for sink, why in (("| head -c 1", ""), (">/dev/full", "mesh: [Errno 28] No space left on device\n")):
        start = (MESH, "up", "--home", str(home), "--http-port", "0", *FEW)
        status, _, err = await shell(tmp_path, f'"$@" {sink}', *start)
        assert (1, why) == (status, err)
        with (home / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nothing of it runs any more, or this raises


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>/dev/full", "2> >(head -c 1 >/dev/null)"])
async def test_a_process_serves_whatever_becomes_of_its_streams(tmp_path: Path, nats: NatsServer, streams: str) -> None:
    with_port = {"GATEWAY_PORT": str(free_port()), "NATS_URL": nats.url}
    line = f'exec "$@" {streams}'
    gateway = Process(tmp_path / "log", "/bin/bash", "-c", line, "bash", sys.executable, "-m", "gateway", **with_port)
    async with gateway:
        async with AsyncClient(base_url=f"http://127.0.0.1:{with_port['GATEWAY_PORT']}") as http:
            while True:
                try:
                    assert 200 == (await http.get("/healthz")).status_code
                    break
                except ConnectError:
                    assert gateway.running, gateway.log.read_text()
                    await asyncio.sleep(0.05)
        assert 0 == await gateway.end(signal.SIGTERM)
        assert "" == gateway.log.read_text()


async def test_the_health_check_of_a_worker_says_what_is_wrong_in_a_line(tmp_path: Path) -> None:
    for file, wrong in (
        ("", "MESH_HEARTBEAT_FILE"),
        (" ", "MESH_HEARTBEAT_FILE"),
        ("/nowhere/x", "no heartbeat"),
    ):
        check = module(tmp_path / "log", "mesh.process.heartbeat", MESH_HEARTBEAT_FILE=file)
        async with check:
            assert 1 == await check.wait()
            assert wrong in check.log.read_text().splitlines()[-1]
            assert "Traceback" not in check.log.read_text()
