"""Declares one endpoint of the mesh: its subject, its shapes, and what a caller must know to use it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from mesh.core.contract import contract_hash
from mesh.core.errors import Code
from mesh.core.reading import Reader
from mesh.core.reasons import Reason, codes

Req = TypeVar("Req", bound=BaseModel)
Rep = TypeVar("Rep", bound=BaseModel)
Shape = TypeVar("Shape", bound=BaseModel)

_SUBJECT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}")

MAX_REPLY = 8 * 1024
MAX_LIST_REPLY = 400 * 1024
"""Bytes: 200 items of at most 2 KiB each."""


class Access(StrEnum):
    """Who may use an endpoint. The gateway enforces it before anything is published."""

    ANYONE = "anyone"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, eq=False)
class Endpoint(Generic[Req, Rep]):
    """A subject with the types of its request and its reply.

    `idempotent`: executing it twice has the same effect as once, so a caller may retry.
    `read`: it changes nothing. If it is also idempotent, a caller may ask a second instance when the reply is late.
    `verified`: the worker itself verifies the access token, offline, before the handler runs. Set it where something
    changes, or where the reply depends on the caller.
    `keyed`: the worker keeps the reply under the caller's Idempotency-Key, so a caller with a key may retry.
    `timeout`: seconds. No handler runs longer, whatever the request's headers say.
    `max_request`: bytes. A worker refuses a longer payload unread.
    `reasons`: why its handler may refuse. A worker answers `internal` in place of a fault that is not declared.
    `cached`: the gateway may answer it from memory, until a durable event of the service or a write says that something
    changed. So it must be a read that is open to anyone, and whose reply does not depend on the caller.
    `max_reply`: bytes. A caller refuses a longer reply unread. 0 means MAX_REPLY, or MAX_LIST_REPLY if it has `items`.
    """

    subject: str
    request: type[Req]
    reply: type[Rep]
    access: Access
    idempotent: bool = False
    read: bool = False
    verified: bool = False
    keyed: bool = False
    timeout: float = 5.0
    max_request: int = 16_384
    reasons: tuple[Reason, ...] = ()
    cached: bool = False
    max_reply: int = 0
    requests: TypeAdapter[Req] = field(init=False, repr=False)
    replies: TypeAdapter[Rep] = field(init=False, repr=False)
    codes: Mapping[str, Code] = field(init=False, repr=False)
    """The code of each reason that a worker may answer with: its own, and those of mesh/core/reasons.py."""

    def __post_init__(self) -> None:
        if not _SUBJECT.fullmatch(self.subject):
            raise ValueError(f"not a subject of two to four lower-case tokens: {self.subject!r}")
        if self.timeout <= 0:
            raise ValueError(f"{self.subject}: the timeout must be positive")
        if self.cached and not (self.read and self.idempotent and self.access is Access.ANYONE and not self.verified):
            raise ValueError(f"{self.subject}: only an unverified, idempotent read for anyone can be cached")
        if not self.max_reply:
            object.__setattr__(self, "max_reply", MAX_LIST_REPLY if "items" in self.reply.model_fields else MAX_REPLY)
        object.__setattr__(self, "requests", TypeAdapter(self.request))
        object.__setattr__(self, "replies", TypeAdapter(self.reply))
        object.__setattr__(self, "codes", codes(self.reasons, verified=self.verified, keyed=self.keyed))

    @cached_property
    def service(self) -> str:
        """The service that owns the subject: its first token."""
        return self.subject.partition(".")[0]

    @cached_property
    def read_reply(self) -> Reader[Rep]:
        """Reads a reply in the caller."""
        return Reader(self.reply, self.max_reply)

    @property
    def name(self) -> str:
        """The endpoint's name in discovery: the other tokens, joined without a dot (ADR-32)."""
        return self.subject.partition(".")[2].replace(".", "-")

    def read_as(self, shape: type[Shape]) -> "Endpoint[Req, Shape]":
        """The endpoint with another reply shape, for a caller that reads fewer fields or other types."""
        return _read_as(self, shape)

    def contract_hash(self) -> str:
        """Twelve hex digits that change when a field of the request or the reply changes; descriptions do not count."""
        return self._contract_hash

    @cached_property
    def _contract_hash(self) -> str:
        # Computed once: a service's schemas take 10 ms, and up to ten times that at low CPU priority.
        return contract_hash(self.requests, self.replies)

    def metadata(self) -> dict[str, str]:
        """The endpoint's metadata in discovery. ADR-32 requires strings."""
        return {
            "access": self.access.value,
            "contract": self.contract_hash(),
            "idempotent": str(self.idempotent).lower(),
            "max_request": str(self.max_request),
            "timeout_ms": str(round(self.timeout * 1000)),
        }


@cache  # bounded: one entry for each endpoint and shape in the code
def _read_as(endpoint: Endpoint[Any, Any], shape: type[BaseModel]) -> Endpoint[Any, Any]:
    return replace(endpoint, reply=shape)
