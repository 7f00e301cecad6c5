"""Cancels work whose time is over."""

import asyncio
from asyncio import get_running_loop
from typing import Any, Final

TICK: Final = 0.01
"""Seconds between two looks at the clock: one timer for all of them costs a fraction of one for each."""


class Deadlines:
    """Tasks at work, each until its deadline; it is cancelled a tick later at the latest, once.

    A task speaks for itself: `begin`, then `end`, however its work went.
    """

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, deadline: float) -> None:
        """Watch this task from now on. `deadline`: in the event loop's own time."""
        self._until[_this_task()] = deadline
        if self._timer is None:
            self._timer = get_running_loop().call_later(TICK, self._look)

    def over(self) -> bool:
        """Whether this task's time was over, so that it has been cancelled here."""
        return _this_task() not in self._until

    def end(self) -> None:
        """Watch this task no more."""
        task = _this_task()
        if self._until.pop(task, None) is None:
            task.uncancel()

    def _look(self) -> None:
        loop = get_running_loop()
        now = loop.time()
        late = [task for task, deadline in self._until.items() if deadline <= now]
        for task in late:
            del self._until[task]
            task.cancel()
        self._timer = loop.call_later(TICK, self._look) if self._until else None


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task has a deadline")
    return task
