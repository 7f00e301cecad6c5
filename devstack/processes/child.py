"""One process of the stack: it cannot outlive its launcher, and stopping it leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.processes.family import descendants
from devstack.processes.niceness import give_way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT = 5_000_000  # bytes; a longer log is rotated at the next start


@dataclass(frozen=True)
class Command:
    """What to run, and which signals end it."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path = Path("/")
    stdin: Path = Path(os.devnull)
    stop_signal: signal.Signals = signal.SIGTERM
    # The kernel sends it if the launcher dies: a server should close its files, a service can be killed.
    orphan_signal: signal.Signals = signal.SIGKILL


class Child:
    """A named process that can be started again after it has ended.

    It writes its log directly, not through a pipe: a slow or dead launcher never blocks it.
    """

    def __init__(self, name: str, log: Path, lock: int) -> None:
        """`lock` is an open file that the process keeps open while it lives (see `devstack.home.home`)."""
        self.name = name
        self.log = log
        self._lock = lock
        self._process: asyncio.subprocess.Process | None = None
        self._stop_signal = signal.SIGTERM
        self._log_start = 0
        self._has_group = False
        self._frozen: list[int] = []
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_name(log.name + ".1"))

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def spawn(self, command: Command) -> None:
        """Start the process. None may be running."""
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        stdin = os.open(command.stdin, os.O_RDONLY)
        try:
            self._log_start = os.fstat(log).st_size
            self._stop_signal = command.stop_signal
            self._process = await asyncio.create_subprocess_exec(
                *command.argv,
                env=command.env,
                cwd=command.cwd,
                stdin=stdin,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock,),
                start_new_session=True,  # Ctrl-C reaches only the launcher, which stops processes in order
                preexec_fn=end_with_launcher(command.orphan_signal),
            )
            self._has_group = True
        except OSError as error:
            raise DevstackError(f"cannot start {self.name}: {error.strerror}: {command.argv[0]}") from error
        finally:
            os.close(stdin)
            os.close(log)

    async def wait(self) -> int:
        """Wait until the process ends. Returns its exit code, negative for a signal."""
        if self._process is None:
            return 0
        code = await self._process.wait()
        self._end_group()
        self._has_group = False  # the system may reuse its number from here on
        return code

    async def give_way(self, niceness: int) -> None:
        """Lower the priority of the process, see `devstack.processes.niceness`."""
        if self.pid is not None:
            await give_way(self.pid, niceness)

    async def stop(self, grace: float = 20.0) -> int:
        """Ask the process to end, and kill it after `grace` seconds. Returns its exit code."""
        self.signal(self._stop_signal)
        self.thaw()
        try:
            return await asyncio.wait_for(self.wait(), grace)
        except TimeoutError:
            self._end_group()
            return await self.wait()

    async def kill(self) -> None:
        """End the process as a crash would."""
        self.signal(signal.SIGKILL)
        self.thaw()  # so that its children notice its end
        await self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process if it runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def freeze(self) -> None:
        """Suspend the process and its children, as on a hanging machine: connections stay open."""
        if self.pid is not None and not self._frozen:
            self.signal(signal.SIGSTOP)  # first, so that it starts no more children
            self._frozen = [self.pid, *descendants(self.pid)]
            for one in self._frozen[1:]:
                _send(one, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume a frozen process."""
        frozen, self._frozen = self._frozen, []
        for one in reversed(frozen):
            _send(one, signal.SIGCONT)

    def said(self) -> str:
        """What the process has written since its start, at most the last 64 KiB."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, end - 65_536))
            return file.read().decode(errors="replace")

    def _end_group(self) -> None:
        """Kill the processes that it left in its session."""
        if self._process is not None and self._has_group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def end_with_launcher(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """A function for a new process to call before its program starts: it gets `orphan_signal` if this one dies.

    Linux only. It applies to the death of the thread that starts the process, so start processes from a lasting thread.
    A change of user clears it: such a command sets it again with `setpriv --pdeathsig`.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: afterwards nothing may allocate or lock
    launcher = os.getpid()

    def before_exec() -> None:
        prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != launcher:  # it died after the fork, before the line above
            os._exit(1)

    return before_exec
