"""Cancels work whose time is over."""

import asyncio
from math import inf
from typing import Any

from mesh.transport.timer import Timer


class Deadlines:
    """Tasks at work, each until its deadline; it is cancelled a tick later at the latest, once.

    A task begins for itself, and then ends, however its work went.
    """

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._timer = Timer(self._cancel_late)
        self._loop = asyncio.get_running_loop()  # kept: to ask for it costs a system call

    def begin(self, deadline: float) -> asyncio.Task[Any]:
        """Watch this task from now on; answers it. `deadline`: in the event loop's own time."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task has a deadline")
        self._until[task] = deadline
        self._timer.ring_by(deadline)
        return task

    def over(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task's time was over, so that it has been cancelled here."""
        return task not in self._until

    def end(self, task: asyncio.Task[Any]) -> None:
        """Watch the task no more."""
        if self._until.pop(task, None) is None:
            task.uncancel()

    def _cancel_late(self, now: float) -> float:
        late = [task for task, deadline in self._until.items() if deadline <= now]
        for task in late:
            del self._until[task]
            task.cancel()
        return min(self._until.values(), default=inf)
