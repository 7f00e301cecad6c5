"""Cancels handlers at their deadline."""

import asyncio
from math import inf
from typing import Any

from mesh.transport.timer import Timer


class Deadlines:
    """The running tasks with their deadlines. Each is cancelled once, at most a tick after its deadline.

    A task calls `begin` for itself, and `end` whatever its outcome.
    """

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._timer = Timer(self._cancel_late)
        self._loop = asyncio.get_running_loop()  # kept: `get_running_loop` costs a system call

    @property
    def timed(self) -> bool:
        """Whether a timer runs, for a deadline."""
        return self._timer.running

    def begin(self, deadline: float) -> asyncio.Task[Any]:
        """Register the current task and return it. `deadline` is in the event loop's time."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task has a deadline")
        self._until[task] = deadline
        self._timer.ring_by(deadline)
        return task

    def over(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task was cancelled here at its deadline."""
        return task not in self._until

    def end(self, task: asyncio.Task[Any]) -> None:
        """Unregister the task."""
        if self._until.pop(task, None) is None:
            task.uncancel()

    def _cancel_late(self, now: float) -> float:
        late = [task for task, deadline in self._until.items() if deadline <= now]
        for task in late:
            del self._until[task]
            task.cancel()
        return min(self._until.values(), default=inf)
