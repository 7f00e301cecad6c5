"""Cancels work whose time is over."""

import asyncio
from asyncio import get_running_loop
from typing import Any, Final

TICK: Final = 0.01
"""Seconds between two looks at the clock: one timer for all of them costs a fraction of one for each."""


class Deadlines:
    """Tasks at work, each until its deadline; it is cancelled a tick later at the latest, once.

    A task begins for itself, and then ends, however its work went.
    """

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, deadline: float) -> asyncio.Task[Any]:
        """Watch this task from now on; answers it. `deadline`: in the event loop's own time."""
        loop = get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("only a task has a deadline")
        self._until[task] = deadline
        if self._timer is None:
            self._timer = loop.call_later(TICK, self._look)
        return task

    def over(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task's time was over, so that it has been cancelled here."""
        return task not in self._until

    def end(self, task: asyncio.Task[Any]) -> None:
        """Watch the task no more."""
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
