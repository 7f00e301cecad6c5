"""Who asks in these tests: the gateway's NATS user, on behalf of people who have accounts; or who else may."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from mesh.wire import names
from ops.permissions import permissions
from services import PROCESSES

_ALLOWED = permissions(PROCESSES)
SENDERS = ("gateway", "operator", "stock", "shipping", "notifications")
"""NATS users who together may send every request."""


@dataclass(frozen=True)
class Account:
    """Somebody who has logged in."""

    email: str
    password: str
    access_token: str


class Wire:
    """Sends raw bytes to whichever worker serves a subject, as the first of the senders who may."""

    def __init__(self, senders: Mapping[str, NatsTransport]) -> None:
        """`senders`: the connection of each, by its NATS user."""
        self._senders = senders

    @property
    def operator(self) -> NatsTransport:
        """The operator's connection."""
        return self._senders["operator"]

    async def send(self, subject: str, body: bytes, token: str | None = None, **headers: str) -> Message:
        """The reply as it came; underscores in a header's name stand for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent[names.AUTHORIZATION] = f"Bearer {token}"
        sender = next(one for user, one in self._senders.items() if subject in _ALLOWED[user].publish)
        return await sender.request(subject, body, sent, 10.0)

    async def ask(self, subject: str, token: str | None = None, **arguments: object) -> Any:  # noqa: ANN401  # JSON
        """The reply's body, of a request that must not fail."""
        reply = await self.send(subject, json.dumps(arguments).encode(), token)
        assert names.ERROR_CODE not in reply.headers, reply.payload
        return json.loads(reply.payload)

    async def newest_event(self, subject: str) -> dict[str, Any]:
        """The payload of the newest durable event of the subject; empty if there is none."""
        reply = await self.operator.request(f"$JS.API.DIRECT.GET.EVENTS.{subject}", b"", {}, 10.0)
        found: dict[str, Any] = json.loads(reply.payload or b"{}")
        return found

    async def log_in(self, email: str, password: str) -> Account:
        """Begin a session."""
        tokens = await self.ask("auth.login", email=email, password=password)
        return Account(email, password, tokens["access_token"])

    async def register(self) -> Account:
        """Make somebody new, and log in."""
        email, password = new_email(), secrets.token_urlsafe(20)
        await self.ask("auth.register", email=email, password=password)
        return await self.log_in(email, password)


@asynccontextmanager
async def wire_of(stack: Stack) -> AsyncIterator[Wire]:
    """NATS as those see it who send requests."""
    seeds = load_credentials(stack.state.home).nats
    senders = {}
    for user in SENDERS:
        settings = NatsSettings.model_validate({"nats_url": stack.state.nats_url, "nats_nkey_seed": seeds[user]})
        senders[user] = await NatsTransport.connect(settings, user)
    yield Wire(senders)
    for transport in senders.values():
        await transport.close()


def new_email() -> str:
    """An address that nobody is registered with."""
    return f"test-{secrets.token_hex(8)}@northwind.example"
