"""Sends raw requests and keeps every reply, also a second one to the same request."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from mesh.nats.client import publish_command
from mesh.nats.transport import NatsTransport
from mesh.transport.base import NO_HEADERS, Message
from mesh.wire.headers import encode, is_no_responders
from mesh.wire.names import ERROR_CODE

TIMEOUT: Final = 10.0


class NoAnswer(Exception):
    """No reply came, or nobody serves the subject. The text says which."""


class NobodyServes(NoAnswer):
    """NATS answered that nobody subscribes to the subject."""


@dataclass(frozen=True)
class Reply:
    """One reply, read as little as possible."""

    subject: str
    headers: Mapping[str, str]
    payload: bytes
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the headers say success."""
        return ERROR_CODE not in self.headers

    @property
    def body(self) -> Any:  # noqa: ANN401  # any JSON
        """The JSON of the body; None if it is none."""
        try:
            return json.loads(self.payload)
        except (ValueError, RecursionError):
            return None

    @property
    def problem(self) -> dict[str, Any]:
        """The problem of an error; empty for anything else."""
        body = self.body
        return body if not self.ok and isinstance(body, dict) else {}

    @property
    def reason(self) -> str | None:
        """The reason of an error; None for success."""
        return None if self.ok else str(self.problem.get("reason"))

    @property
    def fields(self) -> list[str]:
        """The fields that an error names."""
        errors = self.problem.get("errors")
        named = errors if isinstance(errors, list) else []
        return [str(one.get("field")) for one in named if isinstance(one, dict)]

    @property
    def said(self) -> str:
        """The reply in two words."""
        return "a success" if self.ok else f"`{self.reason}` ({self.headers[ERROR_CODE]})"


class Bus:
    """One connection to NATS, with an inbox of its own."""

    def __init__(self, transport: NatsTransport) -> None:
        self.transport = transport
        self.repeated: list[str] = []
        """The subjects of requests that were answered more than once."""
        self._inbox = f"{transport.inbox()}."
        self._tokens = count(1)
        self._subjects: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Future[Message]] = {}

    async def start(self) -> None:
        """Listen for replies."""
        await self.transport.subscribe(f"{self._inbox}*", self._on_reply)

    def _on_reply(self, message: Message) -> None:
        token = message.subject.removeprefix(self._inbox)
        waiting = self._waiting.pop(token, None)
        if waiting is None:
            self.repeated.append(self._subjects.get(token, message.subject))
        elif not waiting.done():
            waiting.set_result(message)

    async def ask(
        self,
        subject: str,
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        block: bytes | None = None,
        timeout: float = TIMEOUT,
    ) -> Reply:
        """The reply to a request; `block` stands for the whole header block. Raises NoAnswer."""
        token = str(next(self._tokens))
        future = self._waiting[token] = asyncio.get_running_loop().create_future()
        self._subjects[token] = subject
        began = asyncio.get_running_loop().time()
        self.publish(subject, body, headers, block=block, reply=self._inbox + token)
        try:
            async with asyncio.timeout(timeout):
                message = await future
        except TimeoutError:
            raise NoAnswer(f"{subject} did not answer within {timeout:g} s") from None
        finally:
            self._waiting.pop(token, None)
        if is_no_responders(message.payload, message.headers):
            raise NobodyServes(f"nobody serves {subject}")
        return Reply(subject, message.headers, message.payload, asyncio.get_running_loop().time() - began)

    def publish(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        block: bytes | None = None,
        reply: str = "",
    ) -> None:
        """Send a message with any reply subject, or none."""
        head = encode(headers) if block is None else block
        self.transport.connection.send(publish_command(subject, body, head, reply))

    async def gather(self, subject: str, body: bytes = b"", within: float = 0.5, enough: int = 0) -> list[bytes]:
        """Every reply within so many seconds, or as many as are enough: of discovery, where each instance answers."""
        inbox, found, complete = self.transport.inbox(), list[bytes](), asyncio.Event()

        def take(message: Message) -> None:
            if not is_no_responders(message.payload, message.headers):
                found.append(message.payload)
            if enough and len(found) >= enough:
                complete.set()

        subscription = await self.transport.subscribe(inbox, take)
        self.publish(subject, body, reply=inbox)
        try:
            async with asyncio.timeout(within):
                await complete.wait()
        except TimeoutError:
            pass
        finally:
            await subscription.drain()
        return found
