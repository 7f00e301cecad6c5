"""Lets other programs of the same user restart processes of a running stack, over a socket in its home."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from devstack.errors import DevstackError
from devstack.processes.program import kind_of
from mesh.core.terminal import escaped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
    from pathlib import Path

_SOCKET: Final = "control.sock"
_LONGEST: Final = 64 * 1024
"""Bytes of a line."""
_MOST: Final = 8
"""Programs that may be connected at once."""


class Order(BaseModel):
    """What a program asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    restart: str
    """A process by its name in stack.json, or all processes of a service."""


class Said(BaseModel):
    """One line of the answer. The last one has `done` or `error`."""

    model_config = ConfigDict(frozen=True)

    restarted: str | None = None
    seconds: float = 0.0
    done: bool = False
    error: str | None = None


class Control:
    """Listens for orders while the stack is ready. Whoever may enter the home may give them: its owner."""

    def __init__(self, restart: Callable[[str], Awaitable[None]], processes: Callable[[], Collection[str]]) -> None:
        """`restart` restarts one of `processes`, and raises DevstackError if it fails."""
        self._restart = restart
        self._processes = processes
        self._one_at_a_time = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._home: Path | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def open(self, home: Path) -> None:
        """Listen."""
        listener = socket.socket(socket.AF_UNIX)
        _remove(home)  # a killed stack leaves it
        with _address(home) as address:
            listener.bind(address)
        self._home = home
        self._server = await asyncio.start_unix_server(self._answer, sock=listener, limit=_LONGEST, backlog=_MOST)

    async def close(self) -> None:
        """Listen no more, and give up what is being restarted."""
        if self._server is None or self._home is None:
            return
        self._server.close()
        self._server = None
        _remove(self._home)
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._answering) >= _MOST or (task := asyncio.current_task()) is None:
            writer.close()
            return
        self._answering.add(task)
        try:
            with contextlib.suppress(OSError):  # the program has gone: what it asked for goes on
                writer.write(_line(await self._obey(reader, writer)))
                await writer.drain()
        finally:
            self._answering.discard(task)
            writer.close()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Said:
        """Restart what was asked for, one process after the other."""
        try:
            wanted = Order.model_validate_json(await reader.readline()).restart
        except (ValueError, ValidationError):  # a line that is too long is a ValueError
            return Said(error="the order cannot be read: the command and `mesh up` have different versions")
        async with self._one_at_a_time:
            running = self._processes()
            names = [name for name in running if wanted in (name, kind_of(name))]
            if not names:
                return Said(error=f"no process {escaped(wanted)} runs: {', '.join(running)}")
            for name in names:
                began = asyncio.get_running_loop().time()
                try:
                    await self._restart(name)
                except DevstackError as error:
                    return Said(error=str(error))
                seconds = asyncio.get_running_loop().time() - began
                writer.write(_line(Said(restarted=name, seconds=round(seconds, 3))))
        return Said(done=True)


async def restart(home: Path, wanted: str) -> AsyncIterator[tuple[str, float]]:
    """Have the stack in `home` restart a process, or all processes of a service, one after the other.

    Yields each name with the seconds that it took, once it serves.

    Raises:
        DevstackError: the stack does not listen, does not know the name, or a process failed to start.

    """
    try:
        with _address(home) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_LONGEST)
    except OSError as error:
        raise DevstackError(f"`mesh up` does not listen in {home}: {error.strerror or error}") from None
    try:
        writer.write(json.dumps({"restart": wanted}).encode() + b"\n")
        while True:
            try:
                said = Said.model_validate_json(await reader.readline())
            except (OSError, ValueError):
                raise DevstackError("`mesh up` ended before it was done") from None
            if said.restarted is not None:
                yield said.restarted, said.seconds
            if said.error is not None:
                raise DevstackError(said.error)
            if said.done:
                return
    finally:
        writer.close()


def _line(said: Said) -> bytes:
    return said.model_dump_json().encode() + b"\n"


def _remove(home: Path) -> None:
    (home / _SOCKET).unlink(missing_ok=True)


@contextlib.contextmanager
def _address(home: Path) -> Iterator[str]:
    """The socket's path. The kernel takes at most 107 bytes, and a home's path may be longer: so by its descriptor."""
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{folder}"
        yield f"{short if os.path.exists(short) else home}/{_SOCKET}"  # noqa: PTH110  # Path would resolve it
    finally:
        os.close(folder)
