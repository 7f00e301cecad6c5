"""Measures a process and shows its metrics, if METRICS_PORT is set (ADR 33)."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from mesh.core.version import package_version
from mesh.events.metrics import measure_consumer, measure_relay
from mesh.events.service import EventService
from mesh.service.metrics import measure_service
from mesh.service.service import Service
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Histogram, Metrics, Sample
from mesh.telemetry.settings import MetricsSettings
from mesh.transport.base import Transport

log = structlog.get_logger()

_TICK: Final = 1.0
"""Seconds between two measurements of the event loop's lag."""


class MetricsNotShown(Exception):
    """The process cannot listen on the address of its metrics. The message says why, and what to do."""


@asynccontextmanager
async def shown(process: str, settings: MetricsSettings) -> AsyncIterator[Metrics | None]:
    """The metrics of this process, shown while the context is open; None without METRICS_PORT.

    Raises MetricsNotShown.
    """
    if settings.metrics_port is None:
        yield None
        return
    from mesh.telemetry.listener import AddressUnavailable, listening  # noqa: PLC0415  # costs 0.1 s, so only if shown

    metrics = Metrics()
    metrics.add(lambda: [Sample(catalogue.TARGET, 1, (process, package_version()))])
    host, port = settings.metrics_host, settings.metrics_port
    measuring = asyncio.create_task(_measure_lag(metrics.histogram(catalogue.LOOP_LAG)), name="event-loop-lag")
    try:
        async with listening(metrics, host, port, reuse_port=settings.metrics_reuse_port):
            log.info("metrics_shown", host=host, port=port)
            yield metrics
    except AddressUnavailable as error:
        raise MetricsNotShown(f"{error}: set METRICS_PORT and METRICS_HOST to a free port of this machine") from error
    finally:
        measuring.cancel()


def measure_transport(transport: Transport, metrics: Metrics) -> None:
    """Show the connection to NATS."""

    def samples() -> Iterable[Sample]:
        yield Sample(catalogue.RECONNECTS, transport.reconnects)
        yield Sample(catalogue.CONNECTED, transport.connected)

    metrics.add(samples)


def measure_worker(service: Service, transport: Transport, metrics: Metrics) -> None:
    """Measure a worker, and show its numbers. Call it before the service starts."""
    measure_transport(transport, metrics)
    measure_service(service, metrics)
    if isinstance(service, EventService):
        if service.consumer is not None:
            measure_consumer(service.consumer, metrics)
        if service.relay is not None:
            measure_relay(service.relay, metrics)


async def _measure_lag(lag: Histogram) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        lag.observe((), max(0.0, loop.time() - due))
