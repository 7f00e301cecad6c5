"""One endpoint of the mesh: its subject, its shapes, and what a caller must know to use it."""

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
"""Of 200 items, each of at most 2 KiB."""


class Access(StrEnum):
    """Which end user may use an endpoint; the gateway enforces it before anything is published."""

    ANYONE = "anyone"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, eq=False)
class Endpoint(Generic[Req, Rep]):
    """A subject with the types of its request and its reply.

    `idempotent`: executing it twice does no more than once, so a caller may try again.
    `read`: it changes nothing; where it is idempotent, a caller whose answer is late may ask a second instance.
    `verified`: the worker verifies the caller's access token itself, offline, before the handler runs: everywhere
    where something changes for somebody, or where the reply depends on who asks.
    `keyed`: the worker keeps the reply under the caller's Idempotency-Key, so that a caller with a key may try again.
    `timeout`: seconds; no request is worked on for longer, whatever its headers say.
    `max_request`: bytes; a worker refuses a longer payload before it reads it.
    `reasons`: why its handler may refuse. A worker answers `internal` in place of a fault that is not declared.
    `max_reply`: bytes; a caller refuses a longer reply unread. 0 stands for MAX_REPLY, or MAX_LIST_REPLY for `items`.
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
        """How a caller reads a reply."""
        return Reader(self.reply, self.max_reply)

    @property
    def name(self) -> str:
        """The endpoint's name in discovery: the other tokens (ADR-32 allows no dot)."""
        return self.subject.partition(".")[2].replace(".", "-")

    def read_as(self, shape: type[Shape]) -> "Endpoint[Req, Shape]":
        """The endpoint for a caller who reads the reply as a shape of its own, and not by way of the contract's."""
        return _read_as(self, shape)

    def contract_hash(self) -> str:
        """Twelve hex digits that change when a field of the request or the reply changes; rewording changes none."""
        return self._contract_hash

    @cached_property
    def _contract_hash(self) -> str:
        # Computed once: a service's schemas take 10 ms, and ten times that where the process gives way to others.
        return contract_hash(self.requests, self.replies)

    def metadata(self) -> dict[str, str]:
        """What discovery tells about the endpoint; ADR-32 wants strings."""
        return {
            "access": self.access.value,
            "contract": self.contract_hash(),
            "idempotent": str(self.idempotent).lower(),
            "max_request": str(self.max_request),
            "timeout_ms": str(round(self.timeout * 1000)),
        }


@cache  # of as many as the code names: a caller reads each endpoint as one shape
def _read_as(endpoint: Endpoint[Any, Any], shape: type[BaseModel]) -> Endpoint[Any, Any]:
    return replace(endpoint, reply=shape)
