"""Findings about the services: who answers, is ready, has our contracts, and may do what it has to."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from mesh.client.contracts import compared
from mesh.core.endpoint import Endpoint
from mesh.core.terminal import escaped
from mesh.core.version import package_version
from mesh.wire.discovery import EXCLUSIVE, InstanceDocument
from ops.diagnosis.finding import Declared, Finding
from ops.process import Process

_RECONNECTS: Final = 10
_DATABASE: Final = ("database",)
_MIGRATIONS: Final = ("migration", "table", "schema")
_PERMISSIONS: Final = ("subscription", "permission")


def services(documents: Sequence[InstanceDocument], declared: Declared) -> list[Finding]:
    """Whether every service has an instance that is ready, and all can share their state."""
    known = {row.name for row in declared.processes}
    unknown = sorted({escaped(one.name) for one in documents} - known)
    return [
        *(
            finding
            for row in declared.processes
            if row.serves
            for finding in _service(row, [one for one in documents if one.name == row.name])
        ),
        *(
            Finding("warning", name, "answers, and is not in services.py", "add its row, or stop it")
            for name in unknown
        ),
    ]


def stores(documents: Sequence[InstanceDocument], processes: Sequence[Process]) -> list[Finding]:
    """Whether an instance complains of its database, of its migrations, or of its permissions at NATS.

    A worker serves once its database has the migrations of its version and NATS grants its subscriptions. Until then
    it says why it does not. So an instance that is ready has both.
    """
    kept = {row.name for row in processes if row.store}
    stored = [one for one in documents if one.name in kept]
    topics = (
        ("databases", _DATABASE, stored, "every instance reaches its database"),
        ("migrations", _MIGRATIONS, stored, "every database has the migrations of its instances"),
        ("permissions", _PERMISSIONS, documents, "NATS grants every instance its subscriptions"),
    )
    return [
        Finding("ok", about, what)
        for about, words, asked, what in topics
        if asked and all(one.ready and not _names(one.limit or "", words) for one in asked)
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


def _service(row: Process, own: Sequence[InstanceDocument]) -> Iterator[Finding]:
    """What is to be said of one service."""
    ready = [one for one in own if one.ready]
    if not own:
        yield Finding("error", row.name, "no instance answers", f"start it, or `mesh restart {row.name}`; read its log")
        return
    if not ready:
        why = "; ".join(sorted({one.reason for one in own}))
        yield Finding("error", row.name, f"no instance is ready: {why}", _what_to_do(why))
    else:
        yield Finding("ok", row.name, f"{len(ready)} of {len(own)} instances are ready")
        for one in own:
            if limit := one.limit if one.ready else f"is not ready: {one.reason}":
                yield Finding("warning", row.name, f"{escaped(one.id)} {limit}", _what_to_do(limit))
    if len(own) > 1 and any(one.pool == EXCLUSIVE for one in own):
        what = "an instance that shares no state runs beside others"
        yield Finding("error", row.name, what, "stop one of the two kinds")
    for one in own:
        if one.reconnects.isdecimal() and int(one.reconnects) >= _RECONNECTS:
            what = f"{escaped(one.id)} reconnected to NATS {escaped(one.reconnects[:20])} times"
            yield Finding("warning", row.name, what, "look at the network, and at the log of nats-server")


def _names(why: str, words: Iterable[str]) -> bool:
    return any(word in why.lower() for word in words)


def _what_to_do(why: str) -> str:
    """What helps against a reason that an instance gives."""
    if _names(why, _DATABASE):
        return "look at its database: does it run, are its credentials right, is it full?"
    if _names(why, _MIGRATIONS):
        return "let one instance of this version start: it creates what is missing"
    if _names(why, _PERMISSIONS):
        return "deploy this version's nats.conf: `mesh generate`, then reload NATS"
    return "read its log"
