"""`mesh up`: the whole system on this machine, until Ctrl-C."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.failure import fail
from cli.summary import print_summary
from devstack.errors import DevstackError
from devstack.processes.progress import State
from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from mesh.core.terminal import escaped
from mesh.security.settings import TokenSettings
from mesh.telemetry.settings import LogSettings, TraceSettings
from mesh.telemetry.streams import Tolerant

_STYLES: dict[State, str] = {
    "starting": "yellow",
    "ready": "green",
    "restarting": "bold red",
    "stopping": "yellow",
    "stopped": "dim",
    "failed": "bold red",
}


def up(
    *,
    http_port: Annotated[
        int | None, typer.Option(help="Where the gateway listens (8080); 0 takes a free port.")
    ] = None,
    http_host: Annotated[str | None, typer.Option(help="The address that it listens on (127.0.0.1).")] = None,
    replicas: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE=N", help="Several processes of a service: customers=3.")
    ] = None,
    share_http_port: Annotated[
        bool | None, typer.Option("--share-http-port", help="All gateways on one port; else each has its own.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="Leave a service to you: a debugger, another language.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="Start this service, and no other that is not named.")
    ] = None,
    nats_port: Annotated[int | None, typer.Option(help="The port of NATS; else a free one.")] = None,
    postgres_port: Annotated[int | None, typer.Option(help="The port of PostgreSQL; else a free one.")] = None,
    mongo_port: Annotated[int | None, typer.Option(help="The port of MongoDB; else a free one.")] = None,
    keep_ports: Annotated[
        bool | None, typer.Option("--keep-ports", help="Listen where everything listened at the last start.")
    ] = None,
    nats_nodes: Annotated[int | None, typer.Option(help="NATS servers; more than one form a cluster (1).")] = None,
    tls: Annotated[bool | None, typer.Option("--tls", help="Encrypt NATS, by a CA made in the home.")] = None,
    logs: Annotated[bool, typer.Option("--logs", help="Show what the processes log.")] = False,
    home: Annotated[Path | None, typer.Option(help="Data, logs and secrets (.mesh); also MESH_HOME.")] = None,
) -> None:
    """Run the whole mesh here until Ctrl-C; its data is kept.

    These are NATS, PostgreSQL, MongoDB, the workers and the gateway. NATS_URL, CUSTOMERS_DATABASE_URL,
    PRODUCTS_DATABASE_URL and AUTH_MONGODB_URL each replace a server that would be started by one that runs elsewhere.

    --without and --only may be given several times. The servers of a service that is left out are started, and the file
    .mesh/env/SERVICE.env has all that it needs to take its place; nothing waits for it.

    Each option but --logs may also be told by a variable: MESH_HTTP_PORT, MESH_NATS_NODES and so on, MESH_REPLICAS as
    JSON ({"customers": 3}), MESH_WITHOUT and MESH_ONLY with commas. GATEWAY_HOST and GATEWAY_PORT count for nothing
    here, where these options tell both.
    """
    given = {
        "http_port": http_port,
        "http_host": http_host,
        "home": home,
        "replicas": _replicas(replicas or []),
        "nats_nodes": nats_nodes,
        "share_http_port": share_http_port,
        "without": without or None,
        "only": only or None,
        "nats_port": nats_port,
        "postgres_port": postgres_port,
        "mongo_port": mongo_port,
        "keep_ports": keep_ports,
        "tls": tls,
    }
    try:
        settings = StackSettings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        for shared in (LogSettings, TraceSettings, TokenSettings):  # what each process would refuse, told once
            shared()
    except ValidationError as error:
        fail("; ".join(f"{_where_told(one['loc'], given)}: {_said(one['msg'])}" for one in error.errors()), status=2)
    try:
        asyncio.run(_run(settings, logs=logs))
    except DevstackError as error:
        fail(str(error))


def _replicas(given: list[str]) -> dict[str, Any] | None:
    counts: dict[str, Any] = {}
    for one in given:
        service, equals, count = one.partition("=")
        if not equals or not count.isdecimal():
            fail(f"--replicas takes SERVICE=N, such as customers=3, not {one!r}", status=2)
        counts[service] = int(count)
    return counts or None


def _where_told(path: tuple[int | str, ...], given: Mapping[str, object]) -> str:
    """Name the option or the variable that said what stands at this path of the settings."""
    name, *within = (part for part in path if isinstance(part, str) and part != "[key]")
    if given.get(name) is not None:
        told = f"--{name.replace('_', '-')}"
    else:  # an alias, and what all processes share, is a variable's own name
        told = f"MESH_{name.upper()}" if name in StackSettings.model_fields else name.upper()
    return " ".join([told, *within])


def _said(message: str) -> str:
    """What pydantic says of a value; a validator's own words without its introduction."""
    return message.removeprefix("Value error, ")


async def _run(settings: StackSettings, *, logs: bool) -> None:
    """Run until a signal comes, or until nobody takes any more what is told: a full disk, a reader that is gone."""
    stop = asyncio.Event()
    failures: list[OSError] = []

    def stop_for(failure: OSError) -> None:
        failures.append(failure)
        stop.set()

    out = cast("BinaryIO", Tolerant(sys.stdout, stop_for))
    with redirect_stdout(TextIOWrapper(out, "utf-8", "backslashreplace", write_through=True)):
        await _run_until(stop, settings, logs=logs)
    if failures:
        raise failures[0]


async def _run_until(stop: asyncio.Event, settings: StackSettings, *, logs: bool) -> None:
    console = Console(highlight=False)
    progress = Progress(console)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    def show_line(name: str, line: str) -> None:
        console.print(log_line(name, line), soft_wrap=True)

    stack = Stack(settings, progress.hear, show_line if logs else None)
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(stack.start())
    with progress:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            progress.hear_of_all("stopping")
            starting.cancel()
        try:
            await starting
        except BaseException:
            progress.hear_of_all("stopped")  # by `start`, which tells of some only
            if stop.is_set():
                return
            raise
    print_summary(console, stack.state)
    waiting = asyncio.create_task(stack.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    with progress:
        await stack.stop()
    stopping.cancel()
    if waiting.done() and not waiting.cancelled():
        waiting.result()


def log_line(name: str, line: str) -> Text:
    """A line of a process's log, with what a terminal would obey escaped: not all processes do that by themselves."""
    return Text.assemble((f"{name:>12} ", "cyan"), escaped(line.rstrip(), keep="\t"))


class Progress:
    """What becomes of each process: a live table on a terminal, a line per change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, tuple[State, str]] = {}
        self._live: Live | None = None

    def hear(self, name: str, state: State, detail: str) -> None:
        """Take in a change; `detail` may be what a process said at its end."""
        detail = escaped(detail, keep="\n")
        self._states[name] = (state, detail)
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(
                Text.assemble((f"{name:>12} ", "cyan"), (state, _STYLES[state]), f" {detail}"), soft_wrap=True
            )

    def hear_of_all(self, state: State) -> None:
        """Take in what becomes of each process that has begun and has not ended."""
        for name, (before, _) in list(self._states.items()):
            if before not in {"stopped", "failed", state}:
                self.hear(name, state, "")

    def __enter__(self) -> None:
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, auto_refresh=False)
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, (state, detail) in self._states.items():
            table.add_row(Text(name, "cyan", justify="right"), Text(state, _STYLES[state]), Text(detail, "dim"))
        return table
