"""Runs one process: settings, logs, connect, work, SIGTERM, drain, exit 0."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, closing, nullcontext
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import structlog
import uvloop
from pydantic import ValidationError

from mesh.core.errors import MeshError
from mesh.core.instance import begin_instance
from mesh.core.settings import Settings
from mesh.nats.transport import NatsTransport
from mesh.process.garbage import tune_garbage_collection
from mesh.process.heartbeat import heartbeat
from mesh.process.metrics import MetricsNotShown, measure_worker, shown
from mesh.process.settings import WorkerSettings
from mesh.service.service import Service
from mesh.telemetry.log_lines import LogWriter
from mesh.telemetry.logs import configure
from mesh.telemetry.metrics import Metrics
from mesh.telemetry.settings import LogSettings, MetricsSettings, TraceSettings
from mesh.telemetry.streams import open_streams
from mesh.transport.base import Transport
from mesh.wire import field_messages

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

SettingsT = TypeVar("SettingsT", bound=Settings)
WorkerSettingsT = TypeVar("WorkerSettingsT", bound=WorkerSettings)
Result = TypeVar("Result")

_ENDS = (signal.SIGTERM, signal.SIGINT)
_CANCELLED_AGAIN = 2.0
"""Seconds after which to cancel again, since libraries may swallow a cancellation. Undoing a start takes less."""


class StartError(Exception):
    """The process cannot start. The message says in one line what is wrong and what to do."""


class Stopped(Exception):
    """The process was asked to stop before it had started."""


def run(name: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> NoReturn:
    """Run `main(stop)` on uvloop. SIGTERM and Ctrl-C set `stop`; `main` should return soon after.

    Exit status: 0 after an orderly end, even during the start; 1 if the start or the connection failed.
    """
    open_streams()
    try:
        writer = configure(_log_settings(name), name, begin_instance())
        uvloop.run(_until_stopped(main, writer))
    except Stopped:
        log.info("stopped_before_start")
    except (StartError, MetricsNotShown, MeshError) as error:
        log.error("stopped", why=str(error))  # noqa: TRY400  # one line for the operator, no traceback
        sys.exit(1)
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)  # a second signal would break the orderly end
    sys.exit(0)


def _log_settings(name: str) -> LogSettings:
    try:
        return read_settings(LogSettings)
    except StartError:
        configure(LogSettings.model_construct(), name)  # to log what is wrong with them
        raise


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]], writer: LogWriter) -> None:
    stop = asyncio.Event()
    for number in _ENDS:  # not by the loop: when it ends, the next signal would kill the process
        signal.signal(number, lambda *_: stop.set())
    with writer.once_a_turn():
        await main(stop)


def run_worker(
    name: str,
    settings_type: type[WorkerSettingsT],
    build: Callable[[WorkerSettingsT, Transport, AsyncExitStack], Awaitable[Service]],
) -> NoReturn:
    """Run a worker: connect, build its service, serve until SIGTERM, drain.

    `build` registers what it opens on the stack, which is closed after the drain.
    """

    async def main(stop: asyncio.Event) -> None:
        settings = read_settings(settings_type)
        async with AsyncExitStack() as resources:
            tracer = resources.enter_context(tracing(name))
            metrics = await resources.enter_async_context(measuring(name))

            async def start() -> tuple[Transport, Service]:
                transport = await NatsTransport.connect(settings, name)
                resources.push_async_callback(transport.close)
                service = await build(settings, transport, resources)
                service.tracer = tracer
                if metrics is not None:
                    measure_worker(service, transport, metrics)
                await service.start()
                return transport, service

            transport, service = await unless_stopped(stop, start())
            tune_garbage_collection()
            async with heartbeat(settings.mesh_heartbeat_file, transport):
                await stopped_or_lost(stop, transport)
                if not transport.closed.is_set():
                    await service.drain()

    run(name, main)


async def unless_stopped(stop: asyncio.Event, start: Coroutine[Any, Any, Result]) -> Result:
    """The result of the start. Once `stop` is set, the start is cancelled and Stopped is raised."""
    starting, stopping = asyncio.create_task(start), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            return starting.result()
    finally:
        stopping.cancel()
        while not starting.done():
            starting.cancel()
            await asyncio.wait({starting}, timeout=_CANCELLED_AGAIN)
    if starting.cancelled() or starting.exception() is not None:
        raise Stopped
    return starting.result()


def tracing(process: str) -> "AbstractContextManager[Tracer | None]":
    """A context with this process's tracer, or None if TRACE_RATIO is 0.

    Raises StartError if OpenTelemetry's variables are invalid.
    """
    settings = read_settings(TraceSettings)
    if not settings.trace_ratio:
        return nullcontext()
    from mesh.telemetry.tracing import Limits, exporting  # noqa: PLC0415  # costs 0.2 s and 20 MiB, so only if tracing

    limits = Limits(settings.trace_most_per_second, settings.trace_slower_than)
    try:
        return closing(exporting(process, settings.trace_ratio, limits))
    except ValueError as error:
        raise StartError(f"settings: OTEL_…: {error}") from error


def measuring(process: str) -> AbstractAsyncContextManager[Metrics | None]:
    """A context with this process's metrics, which it shows meanwhile; None without METRICS_PORT.

    Raises MetricsNotShown if it cannot listen there.
    """
    return shown(process, read_settings(MetricsSettings))


async def stopped_or_lost(stop: asyncio.Event, transport: Transport) -> None:
    """Wait for `stop`. Raises StartError if the connection is lost for good: only a new process helps."""
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(transport.closed.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if not stop.is_set():
        raise StartError("NATS closed the connection for good: the supervisor should restart this process")


def read_settings(settings_type: type[SettingsT]) -> SettingsT:
    """The settings from the environment. Raises StartError, which names each missing or invalid variable."""
    try:
        settings = settings_type()
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join([*map(_variable, one["loc"]), field_messages.message(one)]) for one in error.errors()
        )
        raise StartError(f"settings: {wrong}") from None
    _warn_of_misspelt({_variable(name) for name in settings_type.model_fields})
    return settings


def _warn_of_misspelt(known: Collection[str]) -> None:
    """Warn of variables that look like a misspelt setting: they would otherwise be ignored silently."""
    prefixes = {name.partition("_")[0] for name in known}
    for name in os.environ.keys() - known:
        if name.partition("_")[0] in prefixes and (meant := get_close_matches(name, known, n=1, cutoff=0.85)):
            log.warning("unknown_variable", name=name, perhaps=meant[0])


def _variable(name: int | str) -> str:
    return str(name).upper()
