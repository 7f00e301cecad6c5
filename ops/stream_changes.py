"""Brings the streams and consumers on a server to what is declared, without losing what they hold."""

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from ops.jetstream import ConsumerInfo, JetStream, StreamInfo
from ops.streams import EVENT_STREAM, Config, Consumer, Stream

Outcome = Literal["created", "changed", "unchanged", "removed", "left", "refused"]

_KEPT: Final[tuple[str, ...]] = ("num_replicas", "max_bytes")
"""What an operator decides: a later run keeps it."""
_SOURCES: Final[tuple[str, ...]] = ("mirror", "sources", "republish", "subject_transform")
"""By these a stream would store, or pass on, what is not declared; only the feed declares some."""
_PRUNE: Final = "--prune removes it"
_EVENT: Final = re.compile(r"(events|retry)\.[a-z0-9_.]+")
"""What the mesh has declared once: no stream keeps another subject."""
_START: Final[tuple[str, ...]] = ("deliver_policy", "opt_start_seq", "opt_start_time")
"""Where a consumer began: nobody can change it later."""


class Change(NamedTuple):
    """What became of one stream or consumer."""

    outcome: Outcome
    kind: Literal["stream", "consumer"]
    name: str
    """Of a consumer after the name of its stream and a slash."""
    detail: str = ""


class Wishes(NamedTuple):
    """What whoever applies may ask for beyond what is declared."""

    replicas: int | None = None
    """Copies of each stream; None keeps what is there, 1 for a new one."""
    max_bytes: int | None = None
    """Most bytes of EVENTS; None keeps what is there, 8 GiB for a new one."""
    prune: bool = False
    """Whether a change may lose what a stream holds or a consumer has not handled."""


async def apply(jetstream: JetStream, streams: Iterable[Stream], wishes: Wishes = Wishes()) -> list[Change]:  # noqa: B008  immutable
    """Make and change what differs. Returns what became of each stream and consumer, also of those not declared.

    Raises:
        MeshError: the server does not answer, or refuses a change.

    """
    declared = tuple(streams)
    changes = []
    for stream in declared:
        found = await jetstream.stream(stream.name, subjects=">")
        made = await _stream(jetstream, stream, found, wishes)
        changes += made
        if made[0].outcome != "refused":
            changes += await _consumers(jetstream, stream, prune=wishes.prune)
    names = {stream.name for stream in declared}
    others = [info for info in await jetstream.streams() if info.name not in names]
    return [*changes, *(Change("left", "stream", info.name, _not_declared(info)) for info in others)]


def _not_declared(info: StreamInfo) -> str:
    return f"not declared; it holds {info.state.messages} messages"


async def _stream(jetstream: JetStream, stream: Stream, found: StreamInfo | None, wishes: Wishes) -> list[Change]:
    name = stream.name
    if found is None:
        await jetstream.create_stream(_wished(dict(stream.config()), stream, wishes))
        return [Change("created", "stream", name)]
    kept = {key: found.config[key] for key in _KEPT if key in found.config}
    stored = {} if wishes.prune else _undeclared(stream, found)
    wanted = _wished({**stream.config(), **kept, "subjects": [*stream.subjects, *stored]}, stream, wishes)
    left = [
        Change("left", "stream", name, f"{subject} is not declared; it holds {count} messages; {_PRUNE}")
        for subject, count in stored.items()
    ]
    differing = [key for key, value in wanted.items() if not _same(found.config.get(key), value)]
    differing += [key for key in _SOURCES if key not in wanted and found.config.get(key)]
    if not differing:
        return [Change("unchanged", "stream", name), *left]
    losses = [] if wishes.prune else _losses(found, wanted)
    if losses:
        return [Change("refused", "stream", name, f"{'; '.join(losses)}; --prune does it all the same")]
    others = {key: value for key, value in found.config.items() if key not in _SOURCES}
    await jetstream.update_stream({**others, **wanted})
    return [Change("changed", "stream", name, ", ".join(differing)), *left]


def _undeclared(stream: Stream, found: StreamInfo) -> dict[str, int]:
    """The events that are not declared any more, but stored still: each with the number of its messages."""
    gone = sorted(set(map(str, found.config.get("subjects") or ())) - set(stream.subjects))
    counts = {subject: found.state.subjects.get(subject, 0) for subject in gone if _EVENT.fullmatch(subject)}
    return {subject: count for subject, count in counts.items() if count}


def _wished(config: dict[str, object], stream: Stream, wishes: Wishes) -> Config:
    if wishes.replicas is not None:
        config["num_replicas"] = wishes.replicas
    if wishes.max_bytes is not None and stream.name == EVENT_STREAM:
        config["max_bytes"] = wishes.max_bytes
    return config


def _same(found: object, wanted: object) -> bool:
    """Whether two values are equal; the server leaves out what is zero or false, and keeps no order of subjects."""
    if isinstance(found, list) and isinstance(wanted, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    return found == wanted or (not found and not wanted)


def _losses(found: StreamInfo, wanted: Config) -> list[str]:
    """What smaller limits would lose of what the stream holds, now or soon."""
    if not found.state.messages:
        return []
    losses = []
    if _limit(wanted["max_age"]) < _limit(found.config.get("max_age")):
        losses.append("max_age would be shorter")
    if _limit(wanted["max_bytes"]) < found.state.bytes:
        losses.append(f"it holds {found.state.bytes} bytes")
    return losses


def _limit(value: object) -> float:
    """A limit as a number; zero and less mean that there is none."""
    return value if isinstance(value, int) and value > 0 else float("inf")


async def _consumers(jetstream: JetStream, stream: Stream, *, prune: bool) -> list[Change]:
    found = {consumer.name: consumer for consumer in await jetstream.consumers(stream.name)}
    changes = []
    for one in stream.consumers:
        changes += await _consumer(jetstream, stream, one, found.pop(one.name, None), prune=prune)
    for name, info in sorted(found.items()):
        whole = f"{stream.name}/{name}"
        if prune:
            await jetstream.delete_consumer(stream.name, name)
            changes.append(Change("removed", "consumer", whole))
        else:
            changes.append(Change("left", "consumer", whole, f"not declared; {_unhandled(info)}; {_PRUNE}"))
    return changes


async def _consumer(
    jetstream: JetStream, stream: Stream, consumer: Consumer, found: ConsumerInfo | None, *, prune: bool
) -> list[Change]:
    whole, config = f"{stream.name}/{consumer.name}", consumer.config()
    if found is None:
        await jetstream.put_consumer(stream.name, config)
        return [Change("created", "consumer", whole)]
    waits = bool(found.num_pending + found.num_ack_pending) and not prune
    # The service knows it no more, and makes a dead letter of what it does not know: so nothing is lost.
    kept = sorted(filter(_EVENT.fullmatch, set(found.subjects) - set(consumer.subjects))) if waits else []
    start = {key: found.config[key] for key in _START if key in found.config}
    wanted = {**config, **start, "filter_subjects": [*consumer.subjects, *kept]}
    left = [Change("left", "consumer", whole, f"{one} is not declared; {_unhandled(found)}; {_PRUNE}") for one in kept]
    differing = [key for key, value in wanted.items() if not _same(found.config.get(key), value)]
    if not differing:
        return [Change("unchanged", "consumer", whole), *left]
    await jetstream.put_consumer(stream.name, wanted)
    return [Change("changed", "consumer", whole, ", ".join(differing)), *left]


def _unhandled(info: ConsumerInfo) -> str:
    return f"{info.num_pending + info.num_ack_pending} messages are not handled"
