"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting, tells the loop how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits for an event that nobody will bring about")
        self.waited += max(timeout, 0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in which an hour takes no time."""

    def __init__(self) -> None:
        self._no_waiting = _NoWaiting()
        super().__init__(self._no_waiting)

    def time(self) -> float:
        """Seconds that would have passed."""
        return self._no_waiting.waited

    def hold_up(self, seconds: float) -> None:
        """Let so much time pass in which the loop does nothing, as when something else has the processor."""
        self._no_waiting.waited += seconds

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run until the work is done."""
        return self.run_until_complete(work)


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a loop of its own, in which nothing that it waits for takes time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with closing(VirtualLoop()) as loop:
            loop.run(test(*args, **kwargs))

    return run
