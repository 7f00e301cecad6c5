"""The requests of this process that wait for their one answer: who gets it, until when, and when to ask again."""

import asyncio
import os
from asyncio import get_running_loop
from collections.abc import Callable
from math import inf

from mesh.core.errors import BadReply, DeadlineExceeded, MeshError
from mesh.transport.base import Message, Resend
from mesh.transport.timer import TICK, Sweep

_TOKEN = 16
_TOKENS = 256


class Waiting:
    """A request that waits for its answer."""

    __slots__ = ("_after", "_deadline", "_resend", "_silent", "again", "answer", "due", "subject")

    def __init__(self, subject: str, answer: asyncio.Future[Message], deadline: float, resend: Resend | None) -> None:
        self.subject = subject
        self.answer = answer
        self.again: Callable[[], None]
        """Sends the request once more; to be set where there is a rule for that."""
        self.due = deadline
        """When something is to be done about it."""
        self._deadline = deadline
        self._resend = resend
        self._after = 0.0 if resend is None else resend.after
        self._silent = False

    def fail(self, error: MeshError) -> None:
        """Have this come instead of an answer."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # one who is cancelled meanwhile will not ask for it

    def act(self, now: float) -> None:
        """Do what is due."""
        if now >= self._deadline or self._resend is None or self.answer.done():
            self.due = inf
            self.fail(DeadlineExceeded.here(self.subject))
        elif not self._silent:
            # Perhaps it is this process that was held up: what has arrived meanwhile is read before the next look.
            self._silent = True
            self.due = min(self._deadline, now + TICK)
        else:
            self._silent = False
            self._after = self._resend.longer(self._after)
            self.due = min(self._deadline, now + self._after)
            if self._resend.allowed():
                self.again()


class Replies:
    """Whom an answer is for, by the last token of the inbox that it comes to."""

    def __init__(self) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._loop = get_running_loop()  # kept: to ask for it costs a system call
        self._tokens: list[str] = []
        self._sweep = Sweep(self._look)

    def expect(self, subject: str, timeout: float, resend: Resend | None = None) -> tuple[str, Waiting]:
        """Wait for an answer from now on, under a token that nobody can guess; `forget` must follow."""
        if not self._tokens:
            drawn = os.urandom(_TOKENS * _TOKEN // 2).hex()
            self._tokens = [drawn[at : at + _TOKEN] for at in range(0, len(drawn), _TOKEN)]
        token = self._tokens.pop()
        loop = self._loop
        now = loop.time()
        self.waiting[token] = waiting = Waiting(subject, loop.create_future(), now + timeout, resend)
        if resend is not None:
            waiting.due = min(waiting.due, now + resend.after)
        self._sweep.by(waiting.due)
        return token, waiting

    def forget(self, token: str) -> None:
        """Wait no more."""
        del self.waiting[token]

    def take(self, message: Message) -> None:
        """Hand an answer to whom it is for; the first one counts."""
        waiting = self.waiting.get(message.subject[-_TOKEN:])
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(message)

    def fail(self, inbox: str, why: str) -> None:
        """Fail whom an answer is for that cannot be understood."""
        waiting = self.waiting.get(inbox[-_TOKEN:])
        if waiting is not None:
            waiting.fail(BadReply(f"the reply of {waiting.subject} {why}"))

    def _look(self, now: float) -> float:
        for waiting in self.waiting.values():
            if now >= waiting.due:
                waiting.act(now)
        return min((waiting.due for waiting in self.waiting.values()), default=inf)
