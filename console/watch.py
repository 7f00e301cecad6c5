"""Polls the mesh, and keeps what the pages show."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import structlog

from console.settings import ConsoleSettings
from console.sources.history import History
from console.sources.instances import Instances
from console.sources.logs import Line
from console.sources.map import Gateway, Seen, picture
from console.sources.metrics import Metrics
from console.sources.percentiles import percentiles
from console.sources.reading import json_or
from console.sources.ring import Ring, Watchers
from console.sources.said import Said, heard
from console.sources.stack import StackReader
from console.sources.streams import Streams
from console.sources.traces import Traces
from mesh.core.terminal import escaped
from mesh.telemetry.catalogue import HTTP_DURATION, RPC_DURATION
from mesh.transport.base import Message, Transport
from ops.jetstream import JetStream
from services import PROCESSES

log = structlog.get_logger()

EVERY: Final = 1.0
"""Seconds between two looks while a page is open. A dead instance is noticed after 1.5 s."""
EVERY_WITH_STACK: Final = 1.5
"""The same with stack.json, which says at once that a process has ended."""
_READ_STACK: Final = 0.3
"""Seconds between two looks at stack.json while a page is open."""
_UNWATCHED: Final = 10.0
"""Seconds between two looks while no page is open."""
_SELDOM: Final = 2
"""At each second look all is asked for that costs more than a sign of life: statistics, metrics."""
_RARELY: Final = 4
"""At each fourth look the streams, and whether the gateway is ready: for this it asks every service itself."""
_METRICS: Final = (HTTP_DURATION.name, RPC_DURATION.name)
"""What the pages show. The doctor reads the rest when it is asked."""
_WORKERS_METRICS: Final = 15.0
_WORKERS_METRICS_UNWATCHED: Final = 60.0
"""Seconds between two readings of the workers' metrics: they are long, and have the p99 alone."""
_SLOWEST: Final = 0.99
_LONGEST_REPORT: Final = 64 * 1024


class Watch:
    """Everything that the console knows."""

    def __init__(self, settings: ConsoleSettings, transport: Transport, http: httpx2.AsyncClient) -> None:
        """Does not look yet: `running` does."""
        self.settings = settings
        self.transport = transport
        self.watchers = Watchers()
        self.instances = Instances(transport)
        self.jetstream = JetStream(transport, within=2.0)
        self.streams = Streams(self.jetstream)
        self.metrics = Metrics(http)
        self.traces = Traces(settings.console_spans)
        self.logs: Ring[Line] = Ring(settings.console_logs)
        self.said: Ring[Said] = Ring(settings.console_events)
        self.pictures: Ring[dict[str, Any]] = Ring(1)
        self.gateway = Gateway(ready=True)
        self._stack = StackReader(settings.console_stack)
        self.http = http
        self.history = History()
        self._looking = asyncio.Lock()
        self._looks = 0
        self._metrics_urls: Mapping[str, str] = {}
        self._workers_read = -math.inf
        self._p99: dict[str, float] = {}
        self.closing = asyncio.Event()
        """Set when the process ends: open pages end too."""

    @property
    def picture(self) -> dict[str, Any]:
        """The newest map."""
        return next(iter(self.pictures.newest(1)), {"at": 0, "nodes": [], "edges": []})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look until the context ends."""
        subscription = await self.transport.subscribe("events.>", self._on_event)
        tasks = [asyncio.create_task(self._look(), name="console-watch")]
        if self.settings.console_stack:
            tasks.append(asyncio.create_task(self._look_when_a_process_ends(), name="console-watch-stack"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await subscription.drain()

    async def _look(self) -> None:
        async for _ in self.watchers.every(EVERY_WITH_STACK if self.settings.console_stack else EVERY, _UNWATCHED):
            await self._look_safely()

    async def _look_when_a_process_ends(self) -> None:
        """Look when stack.json has changed: reading a file costs the mesh nothing."""
        known = await self._stack.read()
        async for _ in self.watchers.every(_READ_STACK, _UNWATCHED):
            if (now := await self._stack.read()) != known:
                known = now
                await self._look_safely()

    async def _look_safely(self) -> None:
        async with self._looking:
            try:
                await self.look()
            except Exception:  # one bad answer must not end the watch
                log.exception("look_failed")

    async def look(self) -> None:
        """Look once, and draw the map: who is there, and what has not been asked for a while."""
        stack = await self._stack.read()
        seldom = not self.watchers or self._looks % _SELDOM == 0
        rarely = not self.watchers or self._looks % _RARELY == 0
        jobs = [self.instances.poll(stack.ended_by_service, statistics=seldom), self._ask_gateway(whole=rarely)]
        self._metrics_urls = {**self.settings.console_metrics_urls, **stack.metrics_urls}
        if seldom:
            jobs.append(self._read_metrics())
        if rarely:
            jobs.append(self.streams.poll())
        await asyncio.gather(*jobs)
        self._looks += 1
        now = time.time()
        if seldom:
            self._p99 = percentiles(self.metrics.by_process.values(), RPC_DURATION, RPC_DURATION.labels[0], _SLOWEST)
            self.history.add(self.instances.all, self._p99)
            self.traces.measure(now)
        seen = Seen(
            self.instances.all,
            self.gateway,
            self.metrics,
            self.streams.states,
            nats=self.instances.reachable,
            now=now,
            traced=self.traces.rate,
        )
        self.pictures.add(picture(PROCESSES, seen))

    async def read_all_metrics(self) -> None:
        """Read every metric of every process."""
        await self.metrics.poll(self._metrics_urls, self._metrics_urls.keys())

    async def _read_metrics(self) -> None:
        """Read the gateways', which have the traffic of clients, and the workers' if they were not read for a while."""
        now = time.monotonic()
        workers = now >= self._workers_read + (_WORKERS_METRICS if self.watchers else _WORKERS_METRICS_UNWATCHED)
        if workers:
            self._workers_read = now
        wanted = {name for name in self._metrics_urls if workers or name.startswith("gateway")}
        await self.metrics.poll(self._metrics_urls, wanted, _METRICS)

    async def _ask_gateway(self, *, whole: bool) -> None:
        """Ask the gateway whether it lives, or whether it is ready: for this it asks every service."""
        if not (url := self.settings.console_gateway_url):
            return
        try:
            answer = await self.http.get(
                f"{url}{'/readyz' if whole or not self.gateway.ready else '/healthz'}", timeout=1.0
            )
        except httpx2.HTTPError as error:
            self.gateway = Gateway(ready=False, why=f"does not answer: {type(error).__name__}")
            return
        self.gateway = Gateway(answer.is_success, "" if answer.is_success else _why(answer.content))

    def _on_event(self, message: Message) -> None:
        self.said.add(heard(message, time.time()))


def _why(body: bytes) -> str:
    """The reason that the gateway gives for not being ready."""
    report = json_or(body[:_LONGEST_REPORT], None)
    reason = report.get("reason") if isinstance(report, dict) else None
    return escaped(str(reason or "is not ready")[:300])
