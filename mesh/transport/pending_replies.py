"""Matches replies to the requests of this process that wait for them, and times those requests out."""

import asyncio
import os
from asyncio import get_running_loop
from collections.abc import Callable
from math import inf

from mesh.core.errors import BadReply, DeadlineExceeded, MeshError
from mesh.transport.base import Message, Resend
from mesh.transport.timer import TICK, Timer
from mesh.wire.headers import UNREADABLE

_TOKEN = 16
_TOKENS = 256


class PendingReply:
    """One request that waits for its reply."""

    __slots__ = ("_deadline", "_resend", "_silence", "_silent", "due", "future", "send_again", "subject")

    def __init__(self, subject: str, future: asyncio.Future[Message], deadline: float, resend: Resend | None) -> None:
        self.subject = subject
        self.future = future
        self.send_again: Callable[[], None]
        """Sends the request once more; the caller sets it if it passes a `resend` rule."""
        self.due = deadline
        """When `act` must run, in the event loop's time."""
        self._deadline = deadline
        self._resend = resend
        self._silence = 0.0 if resend is None else resend.after
        self._silent = False

    def fail(self, error: MeshError) -> None:
        """Raise the error in the caller, unless a reply has come."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # a caller that is cancelled meanwhile does not retrieve it

    def act(self, now: float) -> None:
        """Time the request out or send it again, whichever is due."""
        if now >= self._deadline or self._resend is None or self.future.done():
            self.due = inf
            self.fail(DeadlineExceeded.here(self.subject))
        elif not self._silent:
            # Perhaps this process was held up: a reply that has arrived meanwhile is read before the next tick.
            self._silent = True
            self.due = min(self._deadline, now + TICK)
        else:
            self._silent = False
            self._silence = self._resend.longer(self._silence)
            self.due = min(self._deadline, now + self._silence)
            if self._resend.allowed():
                self.send_again()


class PendingReplies:
    """The pending replies of one connection, by the last token of their inbox."""

    def __init__(self) -> None:
        self.by_token: dict[str, PendingReply] = {}
        self._loop = get_running_loop()  # kept: `get_running_loop` costs a system call
        self._tokens: list[str] = []
        self._timer = Timer(self._act_on_due)

    @property
    def timed(self) -> bool:
        """Whether a timer runs, for a deadline or a retry."""
        return self._timer.running

    def add(self, subject: str, timeout: float, resend: Resend | None = None) -> tuple[str, PendingReply]:
        """Await a reply under a new token that nobody can guess. The caller must `remove` the token."""
        if not self._tokens:
            drawn = os.urandom(_TOKENS * _TOKEN // 2).hex()
            self._tokens = [drawn[at : at + _TOKEN] for at in range(0, len(drawn), _TOKEN)]
        token = self._tokens.pop()
        loop = self._loop
        now = loop.time()
        self.by_token[token] = pending = PendingReply(subject, loop.create_future(), now + timeout, resend)
        if resend is not None:
            pending.due = min(pending.due, now + resend.after)
        self._timer.ring_by(pending.due)
        return token, pending

    def remove(self, token: str) -> None:
        """Stop waiting; a later reply is ignored."""
        del self.by_token[token]

    def resolve(self, message: Message) -> None:
        """Hand a reply to the request that waits for it. The first reply counts."""
        if UNREADABLE in message.headers:
            self.fail(message.subject, "has headers that cannot be read")
            return
        pending = self.by_token.get(message.subject[-_TOKEN:])
        if pending is not None and not pending.future.done():
            pending.future.set_result(message)

    def fail(self, inbox: str, why: str) -> None:
        """Fail the request whose reply cannot be read."""
        pending = self.by_token.get(inbox[-_TOKEN:])
        if pending is not None:
            pending.fail(BadReply(f"the reply of {pending.subject} {why}"))

    def _act_on_due(self, now: float) -> float:
        for pending in self.by_token.values():
            if now >= pending.due:
                pending.act(now)
        return min((pending.due for pending in self.by_token.values()), default=inf)
