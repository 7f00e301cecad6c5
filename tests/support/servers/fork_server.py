"""Forks a program of this project for each request, from a process that has imported it: a test need not wait for that.

The child gets the streams, folder and environment of the request. It ends as any interpreter does.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import IO, Any

from devstack.processes.child import end_with_launcher

_MODES = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def serve(listener: socket.socket) -> dict[str, Any]:
    """Answer each request with the child's process id, and later its exit status. Return only in a child."""
    while True:
        connection, _ = listener.accept()
        if _fork():
            connection.close()
            _reap()
            continue
        listener.close()
        with connection, connection.makefile("rw") as stream:
            request: dict[str, Any] = json.loads(stream.readline())
            if child := _fork():
                print(child, file=stream, flush=True)
                _, status = os.waitpid(child, 0)
                print(os.waitstatus_to_exitcode(status), file=stream, flush=True)
                os._exit(0)
        return request


def _fork() -> int:
    """Fork. The child dies with its parent."""
    end_with_parent = end_with_launcher(signal.SIGKILL)
    child = os.fork()
    if not child and end_with_parent:
        end_with_parent()
    return child


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become(request: dict[str, Any]) -> None:
    """Take the place of a process that was started so."""
    for number, path in enumerate(request["streams"]):
        os.close(number)
        if path is not None:
            os.open(path, _MODES[number], 0o600)  # takes the lowest free number: this one
            os.set_inheritable(number, True)  # noqa: FBT003  # it has no keyword
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, None if request["streams"][number] is None else _text(number))


def _text(number: int) -> IO[str]:
    stream = open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # as long as it lives
    assert isinstance(stream, TextIOWrapper)
    stream.reconfigure(errors="backslashreplace" if number == 2 else "surrogateescape", line_buffering=number == 2)
    return stream


def _command() -> Callable[[], None]:
    """Import the `mesh` command with all its subcommands. Return what runs it."""
    import_module("cli.application").application()
    main: Callable[[], None] = import_module("cli.main").main
    return main


def _services() -> Callable[[], None]:
    """Import every service. Return what runs the one whose package is the first argument."""
    for row in import_module("services").PROCESSES:
        import_module(f"{row.package}.{'server' if row.package == 'gateway' else 'app'}")

    def main() -> None:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

    return main


_PROGRAMS = {"mesh": _command, "services": _services}


def run() -> None:
    """Serve the program of the first argument on the socket with the descriptor of the second. In a child, run it."""
    program = _PROGRAMS[sys.argv[1]]()
    gc.freeze()  # a collection in a child would otherwise copy every page
    with socket.socket(fileno=int(sys.argv[2])) as listening:
        become(serve(listening))
    program()
