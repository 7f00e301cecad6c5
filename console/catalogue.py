"""All endpoints with their shapes, examples and routes, made from the contracts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ops.contracts import document, examples
from ops.contracts.document import Declared
from ops.permissions import READS
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS

_EXAMPLES: Final = examples.in_checkout(Path(__file__).parents[1])
_MAY_CALL: Final = frozenset(endpoint.subject for endpoint in READS)


@dataclass(frozen=True)
class Catalogue:
    """What the page shows of the contracts."""

    endpoints: Mapping[str, Mapping[str, Any]]
    """By subject: the contract, with `example`, `routes` and `over` (`nats`, `http` or None)."""
    shapes: Mapping[str, Any]
    """The JSON Schema of each shape, by name."""


@cache
def catalogue() -> Catalogue:
    """The catalogue of this version."""
    declared = Declared(ENDPOINTS, EVENTS, PROCESSES)
    contracts = document.contracts(declared)["endpoints"]
    return Catalogue({subject: _entry(subject, one) for subject, one in contracts.items()}, declared.definitions)


def _entry(subject: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    request, reply = (str(contract[side]["$ref"]).rpartition("/")[2] for side in ("request", "reply"))
    entry = {**contract, "request": request, "reply": reply, "example": None, "example_reply": None, "routes": []}
    try:
        example = examples.endpoint_example(_EXAMPLES, subject)
    except ValueError:  # an installation without the examples
        pass
    else:
        entry |= {"example": example.request, "example_reply": example.reply, "routes": list(example.routes)}
    over = "nats" if subject in _MAY_CALL else "http" if entry["routes"] else None
    return {**entry, "over": over, "reads": bool(contract["read"])}


@dataclass(frozen=True)
class HttpRequest:
    """A request of the contract as the gateway's route takes it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


def as_http(route: str, payload: Mapping[str, Any]) -> HttpRequest:
    """The HTTP request that makes the gateway send this payload.

    The path takes the fields that it names, If-Match takes `expected_version`, and `patch` is the body. Everything else
    is the body, or the query of a GET. Raises ValueError if a field of the path is missing.
    """
    method, _, template = route.partition(" ")
    left = dict(payload)
    path = template
    for name in [part[1:-1] for part in template.split("/") if part.startswith("{")]:
        if left.get(name) is None:
            raise ValueError(f"{name} is missing")
        path = path.replace(f"{{{name}}}", _segment(left.pop(name)))
    headers = {}
    if (version := left.pop("expected_version", None)) is not None:
        headers["If-Match"] = f'"{version}"'
    if method in ("GET", "DELETE", "HEAD"):
        query = {name: _text(value) for name, value in left.items() if value is not None}
        return HttpRequest(method, path, query, headers, None)
    return HttpRequest(method, path, {}, headers, left.get("patch", left))


def _segment(value: object) -> str:
    text = str(value)
    if not text or not all(one.isalnum() or one in "-_." for one in text) or text in (".", ".."):
        raise ValueError(f"{text[:40]!r} cannot be part of a path")
    return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
