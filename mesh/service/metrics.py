"""Measures a service, and shows its numbers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metrics, Sample

if TYPE_CHECKING:
    from mesh.service.service import Service


def measure_service(service: "Service", metrics: Metrics) -> None:
    """Measure the requests of the service, and show its numbers. Call it before the service starts."""
    queue = service.queue
    service.durations = metrics.histogram(catalogue.RPC_DURATION)
    service.waits = metrics.histogram(catalogue.QUEUE_WAIT)

    def samples() -> Iterable[Sample]:
        yield Sample(catalogue.HANDLERS, service.running)
        yield Sample(catalogue.HANDLERS_MOST, service.concurrency)
        yield Sample(catalogue.QUEUE, service.queued)
        yield Sample(catalogue.READY, service.ready)
        for reason, count in queue.refused.items():
            yield Sample(catalogue.REFUSED, count, (reason,))

    metrics.add(samples, *service.sources)
