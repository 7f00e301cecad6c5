"""Findings about durable events: streams, consumers, dead letters, and the clock of the server that stores them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from ops.diagnosis.finding import Finding
from ops.jetstream import JetStream, StreamInfo
from ops.streams import DEAD_STREAM, EVENT_STREAM, Stream

_LAG: Final = 1000
"""Events that wait for one consumer, from which on it is behind."""
_FULL: Final = 0.8
"""The share of a stream's size from which on it is nearly full."""
_DIFFERENT_CLOCKS: Final = 5.0
"""Seconds. Deadlines and tokens stand some; the contract's leeway is 30."""


async def stored(jetstream: JetStream, declared: Sequence[Stream], clock: Callable[[], float]) -> list[Finding]:
    """Whether the streams and consumers exist and have room, letters are dead, and the clock of NATS is ours.

    `clock` returns Unix time. Raises MeshError if JetStream does not answer.
    """
    infos = await jetstream.streams()
    now = clock()
    return [*await _streams(jetstream, declared, infos), *_clock(infos, now)]


async def _streams(jetstream: JetStream, declared: Sequence[Stream], infos: Sequence[StreamInfo]) -> list[Finding]:
    found = {one.name: one for one in infos}
    findings = []
    for stream in declared:
        info = found.get(stream.name)
        if info is None:
            findings.append(Finding("error", stream.name, "the stream does not exist", "mesh nats streams --apply"))
            continue
        most = info.config.get("max_bytes")
        if isinstance(most, int) and most > 0 and info.state.bytes > _FULL * most:
            share = f"{info.state.bytes / most:.0%}"
            findings.append(Finding("warning", stream.name, f"{share} full", "mesh nats streams --apply --max-bytes N"))
        missing = sorted(set(stream.subjects) - set(map(str, info.config.get("subjects") or ())))
        if missing:
            findings.append(
                Finding("error", stream.name, f"does not store {', '.join(missing)}", "mesh nats streams --apply")
            )
    findings += await _consumers(jetstream, declared) if EVENT_STREAM in found else []
    dead = found[DEAD_STREAM].state.messages if DEAD_STREAM in found else 0
    if dead:
        findings.append(Finding("warning", DEAD_STREAM, f"{dead} dead letters", "mesh events dead ls"))
    return findings or [Finding("ok", "streams", "all streams exist, no consumer is behind, no letter is dead")]


async def _consumers(jetstream: JetStream, declared: Iterable[Stream]) -> list[Finding]:
    found = {one.name: one for one in await jetstream.consumers(EVENT_STREAM)}
    findings = []
    for consumer in (one for stream in declared for one in stream.consumers):
        info = found.get(consumer.name)
        if info is None:
            findings.append(Finding("error", consumer.name, "its consumer does not exist", "mesh nats streams --apply"))
        elif info.num_pending >= _LAG:
            what = f"{info.num_pending} events wait for it"
            findings.append(Finding("warning", consumer.name, what, "start more of its processes, or read its log"))
    return findings


def _clock(infos: Sequence[StreamInfo], now: float) -> list[Finding]:
    """Compare the time at which the server answered with ours."""
    try:
        told = max((datetime.fromisoformat(one.ts).timestamp() for one in infos if one.ts), default=None)
    except ValueError:
        return [Finding("warning", "clock", "NATS tells no readable time", "compare the clocks of the machines")]
    if told is None:
        return []
    ahead = told - now
    if abs(ahead) > _DIFFERENT_CLOCKS:
        what = f"the clock of NATS is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
        return [Finding("warning", "clock", what, "synchronise the clocks (NTP)")]
    return [Finding("ok", "clock", f"NATS and this machine agree within {_DIFFERENT_CLOCKS:.0f} s")]
