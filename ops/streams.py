"""The streams that store durable events, and who reads them: derived from subjects.py and services.py."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mesh.core.event import Event
from mesh.events import jetstream
from mesh.wire import headers
from ops.process import Process

EVENT_STREAM: Final = jetstream.EVENTS
"""Stores each durable event, and each retry that an operator requests."""
DEAD_STREAM: Final = jetstream.DEAD
"""Stores the dead letters: events that a service could not handle."""
DEAD_SUBJECTS: Final = "dead.>"
FEED_STREAM: Final = jetstream.FEED
"""Copies the events that users see (ADR 27)."""

Config = Mapping[str, Any]
"""The configuration of a stream or a consumer, with the names of JetStream's API. Times are in nanoseconds."""

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
_KIB: Final = 1024
_GIB: Final = 1024 * 1024 * _KIB

MAX_AGE: Final = 30 * _DAY
MAX_EVENT: Final = 256 * _KIB
"""Bytes of an event, headers included."""
MAX_DEAD: Final = MAX_EVENT + headers.MAX_BYTES
"""Bytes of a dead letter: an event, and the headers that say why it is dead."""
MAX_ACK_PENDING: Final = 1000
"""Delivered events of one service without an acknowledgement, over all its processes. Events that wait for another try
count, and must not keep new ones out; each process bounds its own work."""
MOST_IN_FEED: Final = 100_000
"""Events. A client that resumes can make the gateway read at most this many."""
ACK_WAIT: Final = int(jetstream.ACK_WAIT) * _SECOND

_COMMON: Final[Config] = {
    "retention": "limits",
    "storage": "file",
    # A full stream refuses a new event, and its publisher keeps it. `old` would drop events that are not handled yet.
    "discard": "new",
    "duplicate_window": 120 * _SECOND,
    "allow_direct": True,
    "allow_rollup_hdrs": False,
    "no_ack": False,
    "deny_purge": True,
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "max_consumers": -1,
}


class Consumer(NamedTuple):
    """The durable pull consumer of one service."""

    name: str
    subjects: tuple[str, ...]

    def config(self) -> Config:
        """The configuration that creates it."""
        return {
            "name": self.name,
            "durable_name": self.name,
            "filter_subjects": list(self.subjects),
            "deliver_policy": "all",
            "replay_policy": "instant",
            "ack_policy": "explicit",
            "ack_wait": ACK_WAIT,
            "max_ack_pending": MAX_ACK_PENDING,
            # The worker counts the tries. A server that counts them stops delivering silently.
            "max_deliver": -1,
        }


class Stream(NamedTuple):
    """A stream with its consumers."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    own: Config
    consumers: tuple[Consumer, ...] = ()

    @property
    def copies(self) -> tuple[str, ...]:
        """The subjects that it copies from another stream."""
        sources = self.own.get("sources", ())
        return tuple(one["src"] for source in sources for one in source["subject_transforms"])

    def config(self) -> Config:
        """The configuration that creates it, with one replica."""
        return {
            "name": self.name,
            "subjects": list(self.subjects),
            "max_bytes": self.max_bytes,
            "num_replicas": 1,
            **_COMMON,
            **self.own,
        }


def streams(processes: Iterable[Process], events: Iterable[Event[Any]]) -> tuple[Stream, ...]:
    """The streams of these rows; none where no event is durable.

    Raises:
        ValueError: a row handles what is not a durable event, or nobody publishes a durable event.

    """
    rows = tuple(processes)
    durable = tuple(event for event in events if event.durable)
    _check(rows, durable)
    if not durable:
        return ()
    consumers = tuple(_consumer(row) for row in handlers(rows))
    feed = [_feed(shown)] if (shown := [event.subject for event in durable if event.shown]) else []
    subjects = (*(event.subject for event in durable), *(retry_subject(consumer.name) for consumer in consumers))
    return (
        Stream(
            EVENT_STREAM,
            subjects,
            8 * _GIB,
            {"max_age": MAX_AGE, "max_msg_size": MAX_EVENT, "deny_delete": True},
            consumers,
        ),
        # No time limit: a dead letter stays until a person decides.
        Stream(DEAD_STREAM, (DEAD_SUBJECTS,), _GIB, {"max_age": 0, "max_msg_size": MAX_DEAD, "deny_delete": False}),
        *feed,
    )


def handlers(processes: Iterable[Process]) -> list[Process]:
    """The processes that handle durable events."""
    return [row for row in processes if row.handles]


def publisher(event: Event[Any]) -> str:
    """The service that publishes an event: the second word of its subject."""
    return event.subject.split(".")[1]


def retry_subject(service: str) -> str:
    """Where an event is published again for one service."""
    return f"retry.{service}"


def dead_subject(service: str) -> str:
    """Where a service publishes what it could not handle."""
    return f"dead.{service}"


def _feed(shown: Iterable[str]) -> Stream:
    """A stream of copies with its own sequence, republished once stored. If full, it drops the oldest copies."""
    copied = [{"src": subject, "dest": subject} for subject in shown]
    own = {
        "sources": [{"name": EVENT_STREAM, "subject_transforms": copied}],
        "republish": {"src": ">", "dest": f"{jetstream.FEED_PREFIX}>"},
        "discard": "old",
        "max_age": _DAY,
        "max_msgs": MOST_IN_FEED,
        "max_msg_size": MAX_DEAD,
        "deny_delete": True,
    }
    return Stream(FEED_STREAM, (), _GIB // 4, own)


def _consumer(row: Process) -> Consumer:
    return Consumer(row.name, (*(event.subject for event in row.handles), retry_subject(row.name)))


def _check(rows: Iterable[Process], durable: Iterable[Event[Any]]) -> None:
    declared = set(durable)
    workers = set()
    for row in rows:
        if row.serves:
            workers.add(row.name)
        elif row.handles:
            raise ValueError(f"{row.name} is no worker, so it cannot handle {row.handles[0].subject}")
        if len(set(row.handles)) < len(row.handles):
            raise ValueError(f"{row.name} handles an event twice")
        for event in row.handles:
            if event not in declared:
                raise ValueError(f"{row.name} handles {event.subject}, which is no durable event of subjects.py")
    for event in declared:
        if publisher(event) not in workers:
            raise ValueError(f"no worker {publisher(event)} publishes {event.subject}")
