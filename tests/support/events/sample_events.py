"""A durable event of the tests, and how one is made for an outbox."""

from contracts.base import Reply
from mesh.core.event import Event
from mesh.events.cloud_event import compose
from tests.support.events.memory_stores import Entry


class Happened(Reply):
    """What happened."""

    number: int


HAPPENED = Event("events.sample.happened", Happened, durable=True, handled_by=("sample",))
ANNOUNCED = Event("events.sample.announced", Happened, durable=True)
SETTLED = Event("events.sample.settled", Happened, durable=True, handled_by=("sample",))


def entry(number: int, aggregate: str = "a", event: Event[Happened] = HAPPENED) -> Entry:
    """An event as an outbox has it."""
    outgoing = compose(event, Happened(number=number), aggregate)
    return Entry(str(outgoing.id), event.subject, aggregate, outgoing.headers, outgoing.body)
