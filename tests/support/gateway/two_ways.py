"""The gateway with the fast path and without it, asked the same, byte by byte."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final
from urllib.parse import unquote

import structlog
from starlette.types import Message, Scope

from gateway.app import build
from gateway.routing.fastapi_inside import Insides
from gateway.settings import GatewaySettings
from mesh.core.errors import Code, RemoteFault
from mesh.transport import base as bus
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import AUTH_JWKS, AUTH_SESSIONS_REVOKED
from tests.support.gateway.world import REPLIES

LIMIT: Final = 2_000
DISCONNECTED: Final = "disconnected"
_OWN: Final = {AUTH_SESSIONS_REVOKED.subject, AUTH_JWKS.subject}
"""What the gateway asks by itself, at any moment."""
_OWN_LINE: Final = "revocations_unknown"
"""Logged at any moment, when what the gateway asks by itself fails."""


class Answering(MemoryTransport):
    """Every service at once: gives each request its reply or a failure, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self.failure: Exception | None = None
        self.asked: list[tuple[str, bytes, dict[str, str]]] = []
        self._replies = {endpoint.subject: reply.model_dump_json().encode() for endpoint, reply in REPLIES.items()}

    @property
    def connected(self) -> bool:
        return False  # so that /readyz asks nobody, and is quick

    async def request(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *_: object, **__: object
    ) -> bus.Message:
        changing = {"Request-Deadline", "Request-Timeout", "X-Request-Id"}
        ours = {name: value for name, value in headers.items() if name not in changing}
        self.asked.append((subject, payload, ours))
        if self.failure is not None and subject != "auth.jwks":
            raise self.failure
        if subject not in self._replies:
            raise RemoteFault(Code.NOT_FOUND, "nothing_here", "there is no reply for this")
        return bus.Message(subject, self._replies[subject])


@dataclass(frozen=True)
class Asked:
    """A request as its bytes."""

    method: str
    target: str
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: tuple[bytes | str, ...] = ()
    version: str = "1.1"

    def scope(self) -> Scope:
        """The request as uvicorn reads it."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self.version,
            "server": ("127.0.0.1", 8080),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": unquote(self.target) if "%" in self.target else self.target,
            "raw_path": self.target.encode("latin-1", "replace"),
            "query_string": self.query,
            "headers": list(self.headers),
            "state": {},
        }

    def with_header(self, name: bytes, *values: bytes) -> "Asked":
        """The same with other values of a header."""
        others = tuple(one for one in self.headers if one[0] != name)
        return replace(self, headers=(*others, *((name, value) for value in values)))

    def with_body(self, *body: bytes | str) -> "Asked":
        """The same with another body, whose parts come one by one."""
        length = b"%d" % sum(len(part) for part in body if isinstance(part, bytes))
        return replace(self.with_header(b"content-length", length), body=body)


@dataclass
class Answer:
    """All that could be seen of a request."""

    messages: list[Message] = field(default_factory=list)
    asked: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    logged: list[tuple[str, object, object]] = field(default_factory=list)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status


class Gateway:
    """One way through the gateway, and the services behind it."""

    def __init__(self, *, fast: bool, insides: Insides = Insides()) -> None:  # noqa: B008  # it is frozen
        self.services = Answering()
        self.app = build(GatewaySettings(gateway_max_body=LIMIT), self.services, fast=fast, insides=insides)

    async def answer(self, asked: Asked) -> Answer:
        """What comes of a request, with the request id that nobody can foresee taken out."""
        parts = list(asked.body) or [b""]
        answer = Answer()

        async def receive() -> Message:
            part = parts.pop(0) if parts else DISCONNECTED
            if isinstance(part, str):
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            answer.messages.append(message)

        self.services.asked.clear()
        with structlog.testing.capture_logs() as logs:
            await self.app(asked.scope(), receive, send)
        # In no order: a request may send several reads at once.
        answer.asked = sorted((asked for asked in self.services.asked if asked[0] not in _OWN), key=repr)
        said = ((line["event"], line.get("path"), line.get("status")) for line in logs)
        answer.logged = sorted((line for line in said if line[0] != _OWN_LINE), key=repr)
        answer.messages = [_without_id(message, answer.messages[0]) for message in answer.messages]
        return answer


def _without_id(message: Message, start: Message) -> Message:
    made = dict(start["headers"])[b"x-request-id"]
    if message["type"] == "http.response.start":
        return {**message, "headers": [(name, value.replace(made, b"ID")) for name, value in message["headers"]]}
    return {**message, "body": bytes(message.get("body", b"")).replace(made, b"ID")}


class Both:
    """The short way and the long one."""

    def __init__(self) -> None:
        self.short, self.long = Gateway(fast=True), Gateway(fast=False)

    async def same(self, asked: Asked) -> Answer:
        """What both answer."""
        long, short = await self.long.answer(asked), await self.short.answer(asked)
        for part in fields(Answer):
            assert getattr(long, part.name) == getattr(short, part.name), (part.name, asked)
        return long
