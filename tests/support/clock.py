"""A clock that a test sets, and the tasks that are to be waited for."""

import asyncio


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def task_named(name: str) -> asyncio.Task[object]:
    """The one task of this name that runs."""
    [task] = [task for task in asyncio.all_tasks() if task.get_name() == name]
    return task
