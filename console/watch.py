"""Polls the mesh, and keeps what the pages show."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import structlog

from console.settings import ConsoleSettings
from console.sources.history import History
from console.sources.instances import EVERY, Instances
from console.sources.logs import Line
from console.sources.map import Gateway, Seen, picture
from console.sources.metrics import Metrics
from console.sources.percentiles import percentiles
from console.sources.ring import Ring, Watchers
from console.sources.said import Said, heard
from console.sources.stack import StackReader
from console.sources.streams import Streams
from console.sources.traces import Traces
from mesh.core.terminal import escaped
from mesh.telemetry.catalogue import RPC_DURATION
from mesh.transport.base import Message, Transport
from ops.jetstream import JetStream
from services import PROCESSES

log = structlog.get_logger()

_UNWATCHED: Final = 10.0
"""Seconds between two looks while no page is open."""
_SELDOM: Final = 3
"""Metrics and streams are asked for at each third look."""
_SLOWEST: Final = 0.99


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
        self._looks = 0
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
        looking = asyncio.create_task(self._look(), name="console-watch")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await subscription.drain()

    async def _look(self) -> None:
        async for _ in self.watchers.every(EVERY, _UNWATCHED):
            try:
                await self.look()
            except Exception:  # one bad answer must not end the watch
                log.exception("look_failed")

    async def look(self) -> None:
        """Look once at everything, and draw the map."""
        stack = await self._stack.read()
        jobs = [self.instances.poll(stack.ended_by_service), self._ask_gateway()]
        if self._looks % _SELDOM == 0:
            urls = {**self.settings.console_metrics_urls, **stack.metrics_urls}
            jobs += [self.metrics.poll(urls), self.streams.poll()]
        await asyncio.gather(*jobs)
        if self._looks % _SELDOM == 0:
            self._p99 = percentiles(self.metrics.by_process.values(), RPC_DURATION, RPC_DURATION.labels[0], _SLOWEST)
        self._looks += 1
        self.history.add(self.instances.all, self._p99)
        seen = Seen(
            self.instances.all,
            self.gateway,
            self.metrics,
            self.streams.states,
            nats=self.instances.reachable,
            now=time.time(),
        )
        self.pictures.add(picture(PROCESSES, seen))

    async def _ask_gateway(self) -> None:
        """Ask the gateway how it is."""
        if not (url := self.settings.console_gateway_url):
            return
        try:
            answer = await self.http.get(f"{url}/readyz", timeout=1.0)
        except httpx2.HTTPError as error:
            self.gateway = Gateway(ready=False, why=f"does not answer: {type(error).__name__}")
            return
        self.gateway = Gateway(answer.is_success, "" if answer.is_success else escaped(answer.text[:300]))

    def _on_event(self, message: Message) -> None:
        self.said.add(heard(message, time.time()))
