"""What servers and services have in common: both are started and supervised."""

from __future__ import annotations

import asyncio
import json
import signal
from abc import ABC, abstractmethod

from devstack.errors import DevstackError
from devstack.home.home import Home
from devstack.processes.child import Child
from mesh.core.terminal import escaped

_REASONS = ("why", "error", "caused_by", "event")  # keys of a log line, the most informative first


class Program(ABC):
    """Something that is started, becomes ready, and is restarted in place after a crash."""

    ready_within: float | None = None  # seconds within which a process must serve

    def __init__(self, name: str, home: Home) -> None:
        """`name` is unique in the stack, and names its log and its entry in stack.json."""
        self.name = name
        self.home = home
        self.child = self._no_process()

    @property
    def overlaps(self) -> bool:
        """Whether two of its processes may run at once, as in a rolling restart."""
        return False

    def _no_process(self) -> Child:
        return Child(self.name, self.home.logs / f"{self.name}.log", self.home.lock)

    @abstractmethod
    async def spawn(self) -> None:
        """Start the process and return at once."""

    @abstractmethod
    async def serving(self) -> None:
        """Return once the process serves; otherwise wait."""

    async def start(self) -> None:
        """Start the process and wait until it serves.

        Raises:
            DevstackError: it ended first, or was not ready in time and was stopped.

        """
        await self.spawn()
        await self.settle()

    async def settle(self) -> None:
        """Wait until the started process serves. Raises as `start` does."""
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
        """Stop the process gracefully and start it again. Returns the exit code of the old process.

        If two may overlap, the old process is stopped once the new one serves, and goes on if the new one fails. Raises
        as `start` does.
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
        """The last lines that the process wrote, indented for an error message."""
        lines = dict.fromkeys(reason_in(line) or line for line in self._said()[-8:])
        return "".join(f"\n  {self.name}: {escaped(line[:400])}" for line in lines)

    def how_it_ended(self, code: int) -> str:
        """The exit code in words, followed by the reason that the process logged, or else its last lines."""
        reason = escaped(reason_in("".join(self._said()[-1:]))[:400]) if code > 0 else ""
        return f"{how_it_ended(code)}: {reason}" if reason else f"{how_it_ended(code)}{self.last_words()}"

    def readable(self, log: str) -> str:
        """The lines of a log that a person wants to see."""
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
    """Names of several processes of one kind: numbered if there is more than one."""
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def kind_of(name: str) -> str:
    """The name without its number."""
    return name.partition("-")[0]


def reason_in(line: str) -> str:
    """The reason in a line of a service's log; empty if the line is not JSON."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    fields = entry if isinstance(entry, dict) else {}
    return next((fields[key] for key in _REASONS if isinstance(fields.get(key), str)), "")


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
