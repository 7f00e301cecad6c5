"""Looks for what is wrong with a running mesh: each finding says what to do."""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from mesh.client.contracts import compared
from mesh.client.discover import ask_all
from mesh.core.endpoint import Endpoint
from mesh.core.errors import MeshError
from mesh.core.event import Event
from mesh.core.terminal import escaped
from mesh.core.version import package_version
from mesh.events.stored import newest
from mesh.transport.base import Transport
from mesh.wire.discovery import EXCLUSIVE, InstanceDocument
from ops.jetstream import JetStream
from ops.process import Process
from ops.streams import DEAD_STREAM, EVENT_STREAM, Stream
from ops.streams import streams as derived

Severity = Literal["ok", "warning", "error"]

_LAG: Final = 1000
"""Events that wait for one consumer, from which on it is behind."""
_FULL: Final = 0.8
"""The share of a stream's size from which on it is nearly full."""
_DIFFERENT_CLOCKS: Final = 5.0
"""Seconds. Deadlines and tokens stand some; the contract's leeway is 30."""
_RECONNECTS: Final = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    severity: Severity
    about: str
    what: str
    do: str = ""
    """What to do about it; empty if nothing."""

    def document(self) -> dict[str, str]:
        """The finding as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Declared:
    """What should be there."""

    processes: Sequence[Process]
    endpoints: Sequence[Endpoint[Any, Any]]
    events: Sequence[Event[Any]]


async def examine(transport: Transport, declared: Declared, within: float = 0.5) -> list[Finding]:
    """Look at everything that an operator's NATS user may see. Raises CallError if NATS does not answer."""
    documents = await ask_all(transport, "INFO", within)
    jetstream = JetStream(transport, within=2.0)
    return [
        *services(documents, declared),
        *contracts(documents, declared.endpoints),
        *await _asked("streams", lambda: _streams(jetstream, derived(declared.processes, declared.events))),
        *await _asked("clock", lambda: _clock(transport)),
    ]


def services(documents: Sequence[InstanceDocument], declared: Declared) -> list[Finding]:
    """Whether every service has an instance that is ready, and all can share their state."""
    findings = []
    for row in (row for row in declared.processes if row.serves):
        own = [one for one in documents if one.name == row.name]
        ready = [one for one in own if one.ready]
        if not own:
            findings.append(Finding("error", row.name, "no instance answers", "start it, and read its log"))
        elif not ready:
            why = "; ".join(sorted({one.reason for one in own}))
            findings.append(Finding("error", row.name, f"no instance is ready: {why}", _what_to_do(why)))
        else:
            findings.append(Finding("ok", row.name, f"{len(ready)} of {len(own)} instances are ready"))
        findings += [
            Finding("warning", row.name, f"{escaped(one.id)} is not ready: {one.reason}", _what_to_do(one.reason))
            for one in own
            if ready and not one.ready
        ]
        findings += [
            Finding("warning", row.name, f"{escaped(one.id)}: {one.limit}", _what_to_do(one.limit))
            for one in ready
            if one.limit
        ]
        if len(own) > 1 and any(one.pool == EXCLUSIVE for one in own):
            what = "an instance that shares no state runs beside others"
            findings.append(Finding("error", row.name, what, "stop one of the two kinds"))
        findings += [
            Finding(
                "warning",
                row.name,
                f"{escaped(one.id)} reconnected to NATS {escaped(one.reconnects[:20])} times",
                "look at the network, and at the log of nats-server",
            )
            for one in own
            if one.reconnects.isdecimal() and int(one.reconnects) >= _RECONNECTS
        ]
    known = {row.name for row in declared.processes}
    unknown = sorted({escaped(one.name) for one in documents} - known)
    return [
        *findings,
        *(
            Finding("warning", name, "answers, and is not in services.py", "add its row, or stop it")
            for name in unknown
        ),
    ]


def contracts(documents: Iterable[InstanceDocument], endpoints: Sequence[Endpoint[Any, Any]]) -> list[Finding]:
    """Whether each instance has the contracts of this checkout."""
    found = compared(documents, endpoints)
    differing = [one for one in found if one.differs]
    findings = [
        Finding(
            "error",
            one.service,
            f"{escaped(one.instance)} has other shapes of {', '.join(one.differs)} (its contracts: {one.version})",
            "deploy both sides from one version, or keep the old subject beside the new one",
        )
        for one in differing
    ]
    if found and not differing:
        findings.append(Finding("ok", "contracts", f"no instance differs from the contracts {package_version()} here"))
    return findings


async def _asked(about: str, ask: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """The findings, or one that says why there are none."""
    try:
        return await ask()
    except MeshError as error:
        return [
            Finding("error", about, f"cannot be read: {escaped(str(error)[:200])}", "look at the log of nats-server")
        ]


async def _streams(jetstream: JetStream, declared: Sequence[Stream]) -> list[Finding]:
    found = {one.name: one for one in await jetstream.streams()}
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


async def _clock(transport: Transport) -> list[Finding]:
    """Compare this machine's clock with the newest event's: an event of the future shows a difference."""
    event = await newest(transport, EVENT_STREAM)
    ahead = event.time.timestamp() - time.time() if event else 0.0
    if ahead > _DIFFERENT_CLOCKS:
        what = f"the clock of NATS is {ahead:.0f} s ahead of this machine's"
        return [Finding("warning", "clock", what, "synchronise the clocks (NTP)")]
    return []


def _what_to_do(why: str) -> str:
    """What helps against a reason that an instance gives."""
    if "database" in why:
        return "look at its database: does it run, are its credentials right, is it full?"
    if "migration" in why or "table" in why:
        return "let one instance of this version start: it creates what is missing"
    if "subscription" in why or "permission" in why:
        return "deploy this version's nats.conf"
    return "read its log"
