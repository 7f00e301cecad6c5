"""The contracts of one version of the mesh as a tree, for tools that read or compare them."""

from collections.abc import Mapping
from dataclasses import dataclass

from ops.contracts.shapes import Schema


@dataclass(frozen=True)
class EndpointContract:
    """One subject that is requested and answers.

    `request` and `reply` are whole JSON Schemas: references are resolved, and `title` is the name of the shape.
    """

    subject: str
    service: str
    access: str
    """Which end user: `anyone`, `user` or `admin`."""
    idempotent: bool
    read: bool
    verified: bool
    """Whether the worker itself verifies an access token."""
    keyed: bool
    """Whether it keeps Idempotency-Keys."""
    timeout_ms: int
    max_request: int
    """Bytes."""
    max_reply: int
    """Bytes."""
    contract: str
    """The hash of both shapes, without words: the one in discovery."""
    reasons: Mapping[str, str]
    """The code of each reason that it declares; reasons.json has those that every subject shares."""
    callers: tuple[str, ...]
    """The processes that may call it."""
    request: Schema
    reply: Schema


@dataclass(frozen=True)
class EventContract:
    """One event, with the whole JSON Schema of its payload."""

    subject: str
    service: str
    """Who publishes it."""
    durable: bool
    handlers: tuple[str, ...]
    """The services that handle it, at least once."""
    hearers: tuple[str, ...]
    """The processes that hear it, at most once."""
    payload: Schema
    shown: bool = False
    """Whether users see their own (`GET /v1/events`)."""


@dataclass(frozen=True)
class Contracts:
    """Everything that two programs of the mesh agree on.

        contracts = load(Path("docs/contracts"))
        contracts.endpoints["customers.get"].request["properties"]["customer_id"]["pattern"]

    A schema is plain JSON (2020-12) without `$ref`. These keywords are the mesh's own:

    - `x-enum`: `closed` if readers refuse values that are not in `enum`, `open` if they must expect others. An open
      one has `x-known-values` in place of `enum`, or only a `pattern`.
    - `x-identifies`: the field is a key of such a thing.
    - `x-secret`: never log it. In a request it also has `writeOnly`.
    """

    version: str
    """The version of the package."""
    contract: str
    """The hash of all endpoints, without words."""
    services: Mapping[str, str]
    """The hash of all endpoints of each service, without words."""
    endpoints: Mapping[str, EndpointContract]
    """By subject."""
    events: Mapping[str, EventContract]
    """By subject."""
    problem: Schema
    """The body of an error."""
    headers: Mapping[str, Schema]
    """The headers of a `request`, a `reply`, an `error`, an `event` and a `dead_letter`."""
