"""Makes contracts.md: the contracts as tables that a repository's web page shows."""

from collections.abc import Iterable, Iterator
from typing import Any

from mesh.core.endpoint import Endpoint
from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import Declared

_HEAD = """\
# Contracts

What the services say to each other on NATS. `mesh contracts export` writes this folder from
[subjects.py](../../subjects.py) and [services.py](../../services.py); [wire.md](../reference/wire.md) has the rules.

| file | for |
|---|---|
| [contracts.html](contracts.html) | people: shapes, examples and reasons of each subject, searchable, offline |
| [asyncapi.json](asyncapi.json) | AsyncAPI 3.0 tools |
| [schemas.json](schemas.json) | validators and code generators: JSON Schema 2020-12 |
| [contracts.json](contracts.json) | programs: properties of each subject, and who uses it |
| [reasons.json](reasons.json) | programs: why a request may be refused |
"""


def markdown(declared: Declared, shown: Illustrated) -> str:
    """The page."""
    return "\n".join(
        [
            _HEAD,
            "## Requests",
            "",
            *_table(("subject", "request → reply", "access", "callers", "reasons"), _endpoints(declared)),
            "",
            "## Events",
            "",
            *_table(("subject", "payload", "durable", "published by", "handled or heard by"), _events(declared)),
            "",
            "## Reasons",
            "",
            *_table(("reason", "code", "number", "HTTP", "retryable", "meaning"), _reasons(shown)),
            "",
        ]
    )


def _endpoints(declared: Declared) -> Iterator[tuple[str, ...]]:
    for endpoint in declared.endpoints:
        yield (
            f"`{endpoint.subject}`",
            f"`{endpoint.request.__name__}` → `{endpoint.reply.__name__}`",
            endpoint.access.value,
            ", ".join(declared.callers(endpoint)),
            ", ".join(_own(endpoint)),
        )


def _own(endpoint: Endpoint[Any, Any]) -> Iterator[str]:
    return (f"`{reason.value}`" for reason in endpoint.reasons)


def _events(declared: Declared) -> Iterator[tuple[str, ...]]:
    for event in declared.events:
        yield (
            f"`{event.subject}`",
            f"`{event.payload.__name__}`",
            "yes" if event.durable else "no",
            event.service,
            ", ".join([*declared.handlers(event), *declared.hearers(event)]),
        )


def _reasons(shown: Illustrated) -> Iterator[tuple[str, ...]]:
    for name, entry in shown.reasons.items():
        retryable = "yes" if entry.retryable else "no"
        yield (f"`{name}`", entry.code.value, str(entry.number), str(entry.http), retryable, entry.text)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
