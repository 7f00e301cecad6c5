"""The life of one process: settings, logs, connect, work, SIGTERM, drain, exit 0."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AbstractContextManager, AsyncExitStack, closing, nullcontext
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import structlog
import uvloop
from pydantic import ValidationError

from mesh.core.errors import MeshError
from mesh.core.settings import Settings
from mesh.nats.transport import NatsTransport
from mesh.process.garbage import tune_garbage_collection
from mesh.process.heartbeat import heartbeat
from mesh.process.settings import WorkerSettings
from mesh.service.service import Service
from mesh.telemetry.log_lines import Lines
from mesh.telemetry.logs import configure
from mesh.telemetry.settings import LogSettings, TraceSettings
from mesh.telemetry.streams import open_streams
from mesh.transport.base import Transport
from mesh.wire import validation

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

SettingsT = TypeVar("SettingsT", bound=Settings)
WorkerSettingsT = TypeVar("WorkerSettingsT", bound=WorkerSettings)
Result = TypeVar("Result")

_ENDS = (signal.SIGTERM, signal.SIGINT)
_CANCELLED_AGAIN = 2.0
"""Seconds after which a cancellation counts as swallowed: libraries do that. What a start undoes takes less."""


class StartError(Exception):
    """The process cannot start; the message says in one line what is wrong and what to do."""


class Stopped(Exception):
    """The process was told to end before it had started."""


def run(name: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> NoReturn:
    """Run `main(stop)` on uvloop; it ends by itself soon after `stop` is set, which SIGTERM and Ctrl-C do.

    Exit status: 0 after an orderly end, also one before the start was over; 1 when the start or the connection failed.
    """
    open_streams()
    try:
        lines = configure(_log_settings(name), name)
        uvloop.run(_until_stopped(main, lines))
    except Stopped:
        log.info("stopped_before_start")
    except (StartError, MeshError) as error:
        log.error("stopped", why=str(error))  # noqa: TRY400  # one line for an operator, no traceback
        sys.exit(1)
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)  # a second one would make a failure of the end that the first began
    sys.exit(0)


def _log_settings(name: str) -> LogSettings:
    try:
        return read_settings(LogSettings)
    except StartError:
        configure(LogSettings.model_construct(), name)  # for the line that says what is wrong with them
        raise


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]], lines: Lines) -> None:
    stop = asyncio.Event()
    for number in _ENDS:  # not by the loop, which with its own end would let the next signal kill the process
        signal.signal(number, lambda *_: stop.set())
    with lines.once_a_turn():
        await main(stop)


def run_worker(
    name: str,
    settings_type: type[WorkerSettingsT],
    build: Callable[[WorkerSettingsT, Transport, AsyncExitStack], Awaitable[Service]],
) -> NoReturn:
    """Run a worker: connect, have `build` wire its service up, serve until SIGTERM, drain.

    What `build` opens it pushes on the stack, which is closed after the drain.
    """

    async def main(stop: asyncio.Event) -> None:
        settings = read_settings(settings_type)
        async with AsyncExitStack() as resources:
            tracer = resources.enter_context(tracing(name))

            async def start() -> tuple[Transport, Service]:
                transport = await NatsTransport.connect(settings, name)
                resources.push_async_callback(transport.close)
                service = await build(settings, transport, resources)
                service.tracer = tracer
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
    """What the start comes to. It is cancelled, wherever it waits, once `stop` is set; then this raises Stopped."""
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
    """What traces this process's requests while it is entered; None where TRACE_RATIO is 0.

    Raises StartError where OpenTelemetry's variables make no sense.
    """
    settings = read_settings(TraceSettings)
    if not settings.trace_ratio:
        return nullcontext()
    from mesh.telemetry.tracing import exporting  # noqa: PLC0415  # 0.2 s and 20 MiB that only those pay who trace

    try:
        return closing(exporting(process, settings.trace_ratio))
    except ValueError as error:
        raise StartError(f"settings: OTEL_…: {error}") from error


async def stopped_or_lost(stop: asyncio.Event, transport: Transport) -> None:
    """Wait for `stop`. Raises StartError when the connection is gone for good: only a new process helps then."""
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(transport.closed.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if not stop.is_set():
        raise StartError("NATS closed the connection for good; the supervisor should start this process anew")


def read_settings(settings_type: type[SettingsT]) -> SettingsT:
    """The settings from the environment. Raises StartError that names each variable that is missing or wrong."""
    try:
        settings = settings_type()
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(_variable, one["loc"]), validation.message(one)]) for one in error.errors())
        raise StartError(f"settings: {wrong}") from None
    _warn_of_misspelt({_variable(name) for name in settings_type.model_fields})
    return settings


def _warn_of_misspelt(known: Collection[str]) -> None:
    """Say which variables look like one of ours and are none: else what they should change would silently stay."""
    prefixes = {name.partition("_")[0] for name in known}
    for name in os.environ.keys() - known:
        if name.partition("_")[0] in prefixes and (meant := get_close_matches(name, known, n=1, cutoff=0.85)):
            log.warning("unknown_variable", name=name, perhaps=meant[0])


def _variable(name: int | str) -> str:
    return str(name).upper()
