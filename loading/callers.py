"""The callers that wait for one read."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Generic, TypeAlias, TypeVar

READ_TASK: Final = "read-for-all"
"""The name of each task that reads for those who wait."""

UNTRACED: Final[AbstractContextManager[None]] = nullcontext()
Trace: TypeAlias = Callable[[], AbstractContextManager[None] | None]
"""Makes a context in which a read belongs to the trace of the current request; None if the request is not traced."""

Value = TypeVar("Value")


def untraced() -> AbstractContextManager[None] | None:
    """The context of reads that nobody traces."""
    return None


class Callers(Generic[Value]):
    """The callers of one read. Each gets its result or its error."""

    __slots__ = ("_answers", "_loop", "trace")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop  # kept: `get_running_loop` costs a system call
        self._answers: list[asyncio.Future[Value]] = []
        self.trace = UNTRACED

    async def wait(self) -> Value:
        """Wait for the read: return its result, or raise its error."""
        answer: asyncio.Future[Value] = self._loop.create_future()
        self._answers.append(answer)
        try:
            return await answer
        finally:
            del answer  # its error's traceback refers to this frame: a cycle

    def give(self, value: Value) -> None:
        """Give the value to every waiting caller."""
        for answer in self._waiting():
            answer.set_result(value)

    def fail(self, error: Exception) -> None:
        """Raise the error in every waiting caller."""
        for answer in self._waiting():
            answer.set_exception(error)

    def _waiting(self) -> list[asyncio.Future[Value]]:
        """The callers that still wait. The list is cleared: keeping it would make a cycle as in `wait`."""
        answers, self._answers = self._answers, []
        return [answer for answer in answers if not answer.done()]
