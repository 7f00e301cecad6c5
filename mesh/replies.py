"""The requests of this process that wait for their one answer: who gets it, until when, and when to ask again."""

import asyncio
import os
from asyncio import get_running_loop
from collections.abc import Callable
from math import inf
from typing import Final

from mesh.bus import Message, Resend
from mesh.errors import DeadlineExceeded, MeshError

TICK: Final = 0.01
"""Seconds between two looks at who waits: a timer for all of them costs a fraction of one for each."""
_TOKEN = 16
_TOKENS = 256


class Waiting:
    """A request that waits for its answer."""

    __slots__ = ("_again", "_again_at", "_deadline", "_rule", "answer", "subject")

    def __init__(self, subject: str, answer: asyncio.Future[Message], deadline: float) -> None:
        self.subject = subject
        self.answer = answer
        self._deadline = deadline
        self._again_at = inf

    def resend(self, rule: Resend, again: Callable[[], None]) -> None:
        """Have `again` send the request once more, by the rule, until there is an answer."""
        self._rule, self._again = rule, again
        self._again_at = self.answer.get_loop().time() + rule.after

    def fail(self, error: MeshError) -> None:
        """Have this come instead of an answer."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # one who is cancelled meanwhile will not ask for it

    def look(self, now: float) -> None:
        """Do what is due."""
        if now >= self._deadline:
            self.fail(DeadlineExceeded.here(self.subject))
        elif now >= self._again_at and not self.answer.done():
            self._again_at = now + self._rule.after
            if self._rule.allowed():
                self._again()


class Replies:
    """Whom an answer is for, by the last token of the inbox that it comes to."""

    def __init__(self) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._loop = get_running_loop()  # kept: to ask for it costs a system call
        self._tokens: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, subject: str, timeout: float) -> tuple[str, Waiting]:
        """Wait for an answer from now on, under a token that nobody can guess; `forget` must follow."""
        if not self._tokens:
            drawn = os.urandom(_TOKENS * _TOKEN // 2).hex()
            self._tokens = [drawn[at : at + _TOKEN] for at in range(0, len(drawn), _TOKEN)]
        token = self._tokens.pop()
        loop = self._loop
        self.waiting[token] = waiting = Waiting(subject, loop.create_future(), loop.time() + timeout)
        if self._timer is None:
            self._timer = loop.call_later(TICK, self._look)
        return token, waiting

    def forget(self, token: str) -> None:
        """Wait no more."""
        del self.waiting[token]

    def take(self, message: Message) -> None:
        """Hand an answer to whom it is for; the first one counts."""
        waiting = self.waiting.get(message.subject[-_TOKEN:])
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(message)

    def _look(self) -> None:
        self._timer = self._loop.call_later(TICK, self._look) if self.waiting else None
        now = self._loop.time()
        for waiting in self.waiting.values():
            waiting.look(now)
