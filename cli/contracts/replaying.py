"""Sends the requests of pacts to whatever serves their subjects, each as its consumer's NATS user."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.connection import NOBODY_SERVES, running_stack, silence_log
from cli.contracts.accounts import Accounts
from cli.contracts.declared import DECLARED
from cli.failure import fail
from conform.check import Skip
from devstack.home.credentials import load_credentials
from mesh.core.context import request_id_from
from mesh.core.errors import DeadlineExceeded, Disconnected, MeshError, NoResponder, Refused
from mesh.core.terminal import escaped
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.process.run import StartError, read_settings
from mesh.transport.base import Message
from mesh.wire.names import AUTHORIZATION, ERROR_CODE, REQUEST_ID
from ops.contracts.pacts.judging import Answer
from ops.contracts.pacts.reading import Interaction

USAGE: Final = 2
_WITHIN: Final = 10.0
"""Seconds to wait for a reply: more than any endpoint takes."""
_LONGEST: Final = 300
"""Characters of an error that a sentence repeats."""


@dataclass(frozen=True)
class Access:
    """As whom a replay connects and logs in."""

    settings: Mapping[str, NatsSettings]
    """By NATS user."""
    fallback: str
    """The user who asks where a consumer has no NATS user here."""
    admin: tuple[str, str] | None = None
    token: str | None = None


class Replay:
    """One run. Call `answer` for each interaction."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._connections: dict[str, NatsTransport] = {}
        self._accounts = Accounts(self._made, access.admin, access.token)

    async def answer(self, one: Interaction) -> Answer:
        """What comes back. Raises NoResponder, Refused, Disconnected."""
        try:
            request = await self._accounts.filled(one.request)
            token = None if one.account is None else await self._accounts.token(one.account)
        except Skip as why:
            return Answer(one, untried=f"not tried: {why}")
        try:
            reply = await self._request(one.consumer, one.subject, request, token)
        except DeadlineExceeded:
            return Answer(one, refused=f"no reply within {_WITHIN:g} s")
        if ERROR_CODE in reply.headers:
            return Answer(one, refused=_said(reply))
        return Answer(one, reply.payload)

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._connections.values():
            await transport.close()

    async def _made(self, subject: str, request: object, token: str | None) -> Any:  # noqa: ANN401  # JSON
        """The body of a reply to a request that makes something. Raises Skip."""
        callers = [row.name for row in DECLARED.processes for one in row.calls if one.subject == subject]
        try:
            reply = await self._request(next(iter(callers), self._access.fallback), subject, request, token)
            if ERROR_CODE in reply.headers:
                raise Skip(f"{subject} answered {_said(reply)}")
            return json.loads(reply.payload)
        except (MeshError, ValueError) as error:
            raise Skip(str(error)) from None

    async def _request(self, user: str, subject: str, request: object, token: str | None) -> Message:
        headers = {REQUEST_ID: request_id_from(None)}
        if token is not None:
            headers[AUTHORIZATION] = f"Bearer {token.removeprefix('Bearer ')}"
        transport = await self._as(user)
        return await transport.request(subject, json.dumps(request).encode(), headers, _WITHIN)

    async def _as(self, user: str) -> NatsTransport:
        name = user if user in self._access.settings else self._access.fallback
        if name not in self._connections:
            self._connections[name] = await NatsTransport.connect(self._access.settings[name], name)
        return self._connections[name]


def _said(reply: Message) -> str:
    """The error of a reply: its reason, its number, and the wrong fields."""
    number = reply.headers[ERROR_CODE]
    try:
        problem = json.loads(reply.payload)
        fields = [f"{one['field']} {one['message']}" for one in problem["errors"]]
        said = f"`{problem['reason']}` ({number}){': ' if fields else ''}{', '.join(fields)}"
    except (ValueError, LookupError, TypeError, RecursionError):
        said = f"an error ({number})"
    return escaped(said[:_LONGEST])


async def answers(interactions: Sequence[Interaction], access: Access) -> list[Answer]:
    """What comes back to each. Ends the program if nobody serves a subject, or if NATS forbids a request."""
    silence_log()
    async with _replay(access) as replay:
        try:
            return [await replay.answer(one) for one in interactions]
        except NoResponder as error:
            fail(f"{error}: start one", USAGE)
        except Refused as error:
            fail(f"{error}: connect as the consumer's NATS user", USAGE)
        except Disconnected as error:
            fail(str(error), NOBODY_SERVES)


@asynccontextmanager
async def _replay(access: Access) -> AsyncIterator[Replay]:
    replay = Replay(access)
    try:
        yield replay
    finally:
        await replay.close()


def access_of(home: Path, user: str, token: str | None) -> Access:
    """The users of the stack in `home`. With NATS_URL set, `user` as the environment says.

    Ends the program if there is neither.
    """
    try:
        settings = read_settings(NatsSettings)
    except StartError as error:
        fail(str(error), USAGE)
    if "nats_url" in settings.model_fields_set:
        return Access({user: settings}, user, token=token)
    stack = running_stack(home)
    if stack is None:
        fail(f"no mesh runs in {home}: start one with `mesh up`, or set NATS_URL", NOBODY_SERVES)
    seeds = load_credentials(stack.home).nats
    users = {
        name: NatsSettings.model_validate({"nats_url": stack.nats_url, "nats_nkey_seed": seed})
        for name, seed in seeds.items()
    }
    return Access(users, user, (stack.admin.email, stack.admin.password), token)
