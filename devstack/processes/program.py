"""What a server and a service have in common for whoever starts and watches them."""

from __future__ import annotations

import asyncio
import json
import signal
from abc import ABC, abstractmethod

from devstack.errors import DevstackError
from devstack.home.home import Home
from devstack.processes.child import Child
from mesh.core.terminal import escaped

_REASONS = ("why", "error", "caused_by", "event")  # of a line of a service's log, by how much each tells


class Program(ABC):
    """Something that is started, becomes ready, and is started again in the same place after a crash."""

    ready_within: float | None = None  # seconds after which a process that does not serve counts as failed

    def __init__(self, name: str, home: Home) -> None:
        """Give it a name that is unique in the stack: its log and its entry in stack.json bear it."""
        self.name = name
        self.home = home
        self.child = self._no_process()

    @property
    def overlaps(self) -> bool:
        """Whether two of its processes may run side by side, as they do in a rolling restart."""
        return False

    def _no_process(self) -> Child:
        return Child(self.name, self.home.logs / f"{self.name}.log", self.home.lock)

    @abstractmethod
    async def spawn(self) -> None:
        """Start the process, without waiting for more."""

    @abstractmethod
    async def serving(self) -> None:
        """Return once the process does its work; endless otherwise."""

    async def start(self) -> None:
        """Start the process and wait until it serves.

        Raises:
            DevstackError: it ended first, or was not ready in time; it is stopped then.

        """
        await self.spawn()
        await self.settle()

    async def settle(self) -> None:
        """Wait until the process that was spawned serves; raises as `start` does."""
        serving = asyncio.ensure_future(self.serving())
        ended = asyncio.ensure_future(self.child.wait())
        try:
            await asyncio.wait({serving, ended}, timeout=self.ready_within, return_when=asyncio.FIRST_COMPLETED)
            failure = self._failure(serving, ended)
        finally:
            serving.cancel()
            ended.cancel()
            await asyncio.gather(serving, ended, return_exceptions=True)
        if failure is not None:
            await self.child.kill()
            raise failure

    async def restart(self) -> int:
        """End the process in good order, start it anew, and return the exit code of the one that ended.

        Where two may overlap, the old one is told to end when the new one serves. Raises as `start` does; the old one
        then goes on if it could have overlapped.
        """
        if not self.overlaps:
            code = await self.child.stop()
            await self.start()
            return code
        old, self.child = self.child, self._no_process()
        try:
            await self.start()
        except BaseException:
            await self.child.kill()
            self.child = old
            raise
        return await old.stop()

    def last_words(self) -> str:
        """Return the last lines that the process wrote, indented, to put under an error's message."""
        lines = dict.fromkeys(reason_in(line) or line for line in self._said()[-8:])
        return "".join(f"\n  {self.name}: {escaped(line[:400])}" for line in lines)

    def how_it_ended(self, code: int) -> str:
        """Say an exit code in words, and after it the reason that the process gave, or else its last words."""
        reason = escaped(reason_in("".join(self._said()[-1:]))[:400]) if code > 0 else ""
        return f"{how_it_ended(code)}: {reason}" if reason else f"{how_it_ended(code)}{self.last_words()}"

    def readable(self, log: str) -> str:
        """Return what a person wants to see of a log."""
        return log

    def _said(self) -> list[str]:
        return self.readable(self.child.said()).strip().splitlines()

    def _failure(self, serving: asyncio.Future[None], ended: asyncio.Future[int]) -> BaseException | None:
        if ended.done():
            return DevstackError(f"{self.name} {self.how_it_ended(ended.result())}")
        if serving.done():
            return serving.exception()
        return DevstackError(f"{self.name} is not ready in time{self.last_words()}")


def process_names(name: str, count: int) -> list[str]:
    """Name several processes of a kind: by its own name, numbered where there is more than one."""
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def kind_of(name: str) -> str:
    """Take the number off again."""
    return name.partition("-")[0]


def reason_in(line: str) -> str:
    """Return what a line of a service's log gives as a reason; nothing where the line is no JSON."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    told = entry if isinstance(entry, dict) else {}
    return next((told[key] for key in _REASONS if isinstance(told.get(key), str)), "")


def how_it_ended(code: int) -> str:
    """Say an exit code in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
