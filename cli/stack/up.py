"""`mesh up`: runs the whole system on this machine until Ctrl-C."""

import asyncio
import signal
import sys
from contextlib import redirect_stdout
from io import TextIOWrapper
from typing import BinaryIO, cast

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.failure import fail
from cli.stack import options
from cli.stack.summary import print_summary
from devstack.errors import DevstackError
from devstack.processes.progress import State
from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from mesh.core.terminal import escaped
from mesh.telemetry.streams import BestEffortStream
from services import PROCESSES

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
    http_port: options.HttpPort = None,
    http_host: options.HttpHost = None,
    replicas: options.Replicas = None,
    share_http_port: options.ShareHttpPort = None,
    without: options.Without = None,
    only: options.Only = None,
    nats_port: options.NatsPort = None,
    postgres_port: options.PostgresPort = None,
    mongo_port: options.MongoPort = None,
    keep_ports: options.KeepPorts = None,
    nats_nodes: options.NatsNodes = None,
    tls: options.Tls = None,
    console: options.Console = None,
    logs: options.Logs = False,
    home: options.Home = None,
) -> None:
    """Run the whole mesh on this machine until Ctrl-C.

    Starts NATS, PostgreSQL, MongoDB, the workers and the gateway. Data is kept.

    To use a server that runs elsewhere, set URLS_OF_SERVERS.

    Repeat --replicas, --without and --only for several services. `mesh up` does not wait for a service that
    is left out. It starts the servers of that service, and writes the environment for your own process to
    .mesh/env/SERVICE.env.

    Each option except --logs has a variable: MESH_HTTP_PORT, MESH_NATS_NODES and so on. MESH_REPLICAS is JSON, such as
    {"customers": 3}. MESH_WITHOUT and MESH_ONLY are separated by commas. GATEWAY_HOST and GATEWAY_PORT have no
    effect here.
    """
    given = {name: value for name, value in locals().items() if name != "logs"}  # the settings have no --logs
    settings = options.settings_from(given)
    try:
        asyncio.run(_run(settings, logs=logs))
    except DevstackError as error:
        fail(str(error))


_URLS = ["NATS_URL", *(row.url_variable for row in PROCESSES if row.url_variable)]
up.__doc__ = (up.__doc__ or "").replace("URLS_OF_SERVERS", f"{', '.join(_URLS[:-1])} or {_URLS[-1]}")


async def _run(settings: StackSettings, *, logs: bool) -> None:
    """Run until a signal arrives, or until standard output fails: a full disk, a closed pipe."""
    stop = asyncio.Event()
    failures: list[OSError] = []

    def stop_for(failure: OSError) -> None:
        failures.append(failure)
        stop.set()

    out = cast("BinaryIO", BestEffortStream(sys.stdout, stop_for))
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

    stack = Stack(settings, progress.record, show_line if logs else None)
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(stack.start())
    with progress:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            progress.record_all("stopping")
            starting.cancel()
        try:
            await starting
        except BaseException:
            progress.record_all("stopped")  # `start` stopped them, and reported only some
            if stop.is_set():
                return
            raise
    print_summary(console, stack.state, stack.console_url)
    waiting = asyncio.create_task(stack.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    with progress:
        await stack.stop()
    stopping.cancel()
    if waiting.done() and not waiting.cancelled():
        waiting.result()


def log_line(name: str, line: str) -> Text:
    """A line of a process's log, with control characters escaped: not every process escapes them."""
    return Text.assemble((f"{name:>12} ", "cyan"), escaped(line.rstrip(), keep="\t"))


class Progress:
    """The state of each process: a live table on a terminal, a line per change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, tuple[State, str]] = {}
        self._live: Live | None = None

    def record(self, name: str, state: State, detail: str) -> None:
        """Record a change of state. `detail` may be the last output of a process."""
        detail = escaped(detail, keep="\n")
        self._states[name] = (state, detail)
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(
                Text.assemble((f"{name:>12} ", "cyan"), (state, _STYLES[state]), f" {detail}"), soft_wrap=True
            )

    def record_all(self, state: State) -> None:
        """Record the same state for each process that runs."""
        for name, (before, _) in list(self._states.items()):
            if before not in {"stopped", "failed", state}:
                self.record(name, state, "")

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
