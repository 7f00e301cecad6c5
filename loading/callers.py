"""Those who wait for one read."""

import asyncio
from typing import Final, Generic, TypeVar

READ_TASK: Final = "read-for-all"
"""The name of each task that reads for those who wait."""

Value = TypeVar("Value")


class Callers(Generic[Value]):
    """The callers of one read; each gets what it brings, or its error."""

    __slots__ = ("_answers", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop  # to ask for it costs a system call
        self._answers: list[asyncio.Future[Value]] = []

    async def wait(self) -> Value:
        """Be one of them: return what the read brings, raise what it raises."""
        answer: asyncio.Future[Value] = self._loop.create_future()
        self._answers.append(answer)
        try:
            return await answer
        finally:
            del answer  # it holds the error, whose traceback holds this frame: a cycle

    def give(self, value: Value) -> None:
        """Give the value to all who still wait."""
        for answer in self._waiting():
            answer.set_result(value)

    def fail(self, error: Exception) -> None:
        """Raise the error for all who still wait."""
        for answer in self._waiting():
            answer.set_exception(error)

    def _waiting(self) -> list[asyncio.Future[Value]]:
        """Those who have not gone meanwhile; they are kept no longer, which would be a cycle as in `wait`."""
        answers, self._answers = self._answers, []
        return [answer for answer in answers if not answer.done()]
