"""Measures what a service does with durable events, and shows its numbers."""

from collections.abc import Iterable

from mesh.events.backlog import Backlog
from mesh.events.consumer import EventConsumer
from mesh.events.relay import Relay
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metrics, Sample


def measure_consumer(consumer: EventConsumer, metrics: Metrics) -> None:
    """Measure the handling of events, and show the consumer's numbers. Call it before the consumer starts."""
    consumer.durations = metrics.histogram(catalogue.EVENT_DURATION)

    def samples() -> Iterable[Sample]:
        yield Sample(catalogue.CONSUMER_PENDING, consumer.pending)
        yield Sample(catalogue.EVENTS_RUNNING, consumer.running)
        yield Sample(catalogue.REDELIVERED, consumer.redelivered)
        for event, stats in consumer.stats.items():
            yield Sample(catalogue.REPEATED, stats.repeated, (event,))
            yield Sample(catalogue.DEAD, stats.dead, (event,))

    metrics.add(samples)


def measure_relay(relay: Relay, metrics: Metrics) -> None:
    """Show the relay's numbers, and how much waits in its outbox. Call it before the relay starts."""
    backlog = relay.backlog = Backlog(relay.outbox)

    def samples() -> Iterable[Sample]:
        yield Sample(catalogue.PUBLISHED, relay.stats.published)
        yield Sample(catalogue.PUBLISH_ERRORS, relay.stats.errors)
        yield Sample(catalogue.OUTBOX_WAITING, backlog.entries)
        yield Sample(catalogue.OUTBOX_AGE, backlog.age)

    metrics.add(samples)
