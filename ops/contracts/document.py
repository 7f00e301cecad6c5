"""Makes contracts.json and schemas.json from subjects.py and services.py, and reads them back."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mesh.core.contract import whole_hash
from mesh.core.endpoint import Endpoint
from mesh.core.event import Event
from mesh.core.version import package_version
from mesh.wire.problem import Problem
from ops.contracts import headers, shapes
from ops.contracts.shapes import DIALECT, Schema
from ops.contracts.tree import Contracts
from ops.process import Process

CONTRACTS: Final = "contracts.json"
SCHEMAS: Final = "schemas.json"
SCHEMAS_ID: Final = "urn:northwind-mesh:contracts:schemas"
_HEADERS: Final = {
    "request": "RequestHeaders",
    "reply": "ReplyHeaders",
    "error": "ErrorHeaders",
    "event": "EventHeaders",
    "dead_letter": "DeadLetterHeaders",
}
_KNOWN: Final = frozenset(field.name for field in fields(Contracts))
_LONGEST: Final = 16 * 1024 * 1024
"""Bytes of a file. A longer one is refused."""


@dataclass(frozen=True)
class Declared:
    """What subjects.py and services.py declare, and the version of the package."""

    endpoints: Sequence[Endpoint[Any, Any]]
    events: Sequence[Event[Any]]
    processes: Sequence[Process]
    version: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", self.version or package_version())

    def callers(self, endpoint: Endpoint[Any, Any]) -> list[str]:
        """The processes that call an endpoint."""
        return [row.name for row in self.processes if endpoint in row.calls]

    def handlers(self, event: Event[Any]) -> list[str]:
        """The services that handle an event, at least once."""
        return [row.name for row in self.processes if event in row.handles]

    def hearers(self, event: Event[Any]) -> list[str]:
        """The processes that hear an event, at most once."""
        return [row.name for row in self.processes if event in row.hears]

    @cached_property
    def definitions(self) -> dict[str, Schema]:
        """The schema of every shape by name: requests, replies, events, headers, the problem. Sorted."""
        replies = [endpoint.reply for endpoint in self.endpoints]
        payloads = [event.payload for event in self.events]
        made = shapes.definitions([endpoint.request for endpoint in self.endpoints], [*replies, *payloads, Problem])
        made["Problem"] = headers.completed(made["Problem"])
        return dict(sorted({**made, **headers.definitions()}.items()))


def schemas(declared: Declared) -> dict[str, Any]:
    """schemas.json: one JSON Schema document whose `$defs` are all shapes. A shape's id is `<$id>#/$defs/<name>`."""
    return {"$schema": DIALECT, "$id": SCHEMAS_ID, "$defs": declared.definitions}


def contracts(declared: Declared) -> dict[str, Any]:
    """contracts.json: every subject with its properties, its shapes (in schemas.json) and who uses it."""
    hashes = {endpoint.subject: endpoint.contract_hash() for endpoint in declared.endpoints}
    services = dict.fromkeys(endpoint.service for endpoint in declared.endpoints)
    return {
        "version": declared.version,
        "contract": whole_hash(hashes),
        "services": {name: whole_hash(_of_service(hashes, name)) for name in services},
        "endpoints": {one.subject: _endpoint(one, declared) for one in declared.endpoints},
        "events": {one.subject: _event(one, declared) for one in declared.events},
        "problem": _reference("Problem"),
        "headers": {kind: _reference(name) for kind, name in _HEADERS.items()},
    }


def _of_service(hashes: Mapping[str, str], service: str) -> dict[str, str]:
    return {subject: one for subject, one in hashes.items() if subject.startswith(f"{service}.")}


def _endpoint(endpoint: Endpoint[Any, Any], declared: Declared) -> dict[str, Any]:
    return {
        "subject": endpoint.subject,
        "service": endpoint.service,
        "access": endpoint.access.value,
        "idempotent": endpoint.idempotent,
        "read": endpoint.read,
        "verified": endpoint.verified,
        "keyed": endpoint.keyed,
        "timeout_ms": round(endpoint.timeout * 1000),
        "max_request": endpoint.max_request,
        "max_reply": endpoint.max_reply,
        "contract": endpoint.contract_hash(),
        "reasons": {reason.value: reason.code for reason in endpoint.reasons},
        "callers": declared.callers(endpoint),
        "request": _reference(endpoint.request.__name__),
        "reply": _reference(endpoint.reply.__name__),
    }


def _event(event: Event[Any], declared: Declared) -> dict[str, Any]:
    return {
        "subject": event.subject,
        "service": event.service,
        "durable": event.durable,
        "handlers": declared.handlers(event),
        "hearers": declared.hearers(event),
        "payload": _reference(event.payload.__name__),
        "shown": event.shown,
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"{SCHEMAS}#/$defs/{name}"}


_read_contracts = TypeAdapter(Contracts).validate_python


def load(folder: Path) -> Contracts:
    """The contracts that `mesh contracts export` wrote to a folder. Later versions may have further members.

    Raises ValueError, with the name of the file, if they cannot be read.
    """
    found, document = read_shapes(folder), read_json(folder / CONTRACTS)
    try:
        with _clear(folder):
            return _resolved(document, found)
    except KeyError as error:
        raise ValueError(f"{folder / SCHEMAS} lacks the shape {error}") from None
    except RecursionError:
        raise ValueError(f"{folder / SCHEMAS}: a shape contains itself") from None


def load_references(folder: Path) -> Contracts:
    """The same, but each schema is a `$ref` to a shape of `read_shapes`. A shape may contain itself."""
    with _clear(folder):
        return referring(read_json(folder / CONTRACTS))


def referring(document: Mapping[str, Any]) -> Contracts:
    """The tree of a contracts.json, with references. Raises ValidationError."""
    return _read_contracts({key: one for key, one in document.items() if key in _KNOWN})


@contextmanager
def _clear(folder: Path) -> Iterator[None]:
    """Raise a ValueError that names the first wrong member in place of a ValidationError."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise ValueError(f"{folder / CONTRACTS}: {path}: {first['msg']}") from None


def read_shapes(folder: Path) -> dict[str, Schema]:
    """The schema of every shape of an export, by name, with references to the others. Raises ValueError."""
    found = read_json(folder / SCHEMAS).get("$defs")
    if not (isinstance(found, dict) and all(isinstance(one, dict) for one in found.values())):
        raise ValueError(f"{folder / SCHEMAS} has no shapes")
    return found


def built(declared: Declared) -> Contracts:
    """The contracts of this checkout, as `load` would read them."""
    return _resolved(contracts(declared), declared.definitions)


def _resolved(document: Mapping[str, Any], found: dict[str, Schema]) -> Contracts:
    return referring(shapes.inlined({key: one for key, one in document.items() if key in _KNOWN}, found))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises ValueError."""
    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError(f"{path} is too large")
        read = json.loads(path.read_bytes())
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(read, dict):
        raise ValueError(f"{path} is not a JSON object")  # noqa: TRY004  # the file is wrong, not the caller
    return read


def as_text(document: Mapping[str, Any] | Iterable[Any]) -> str:
    """The document as JSON for people and for git: one line for each value, and a line break at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
