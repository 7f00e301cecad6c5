"""Forks a `mesh` for each request, from a process that has imported it already: a test need not wait for the imports.

The child gets the streams, folder and environment of the request. It ends as any interpreter does.
"""

import gc
import json
import os
import socket
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import IO, Any

from cli import main
from cli.application import application

_MODES = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def serve(listener: socket.socket) -> dict[str, Any]:
    """Answer each request with the child's exit status. Return only in a child, with its request."""
    while True:
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            _reap()
            continue
        listener.close()
        with connection, connection.makefile("rw") as stream:
            request: dict[str, Any] = json.loads(stream.readline())
            child = os.fork()
            if child:
                _, status = os.waitpid(child, 0)
                stream.write(f"{os.waitstatus_to_exitcode(status)}\n")
                stream.flush()
                os._exit(0)
        return request


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
    sys.argv = ["mesh", *request["arguments"]]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, None if request["streams"][number] is None else _text(number))


def _text(number: int) -> IO[str]:
    stream = open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # as long as it lives
    assert isinstance(stream, TextIOWrapper)
    stream.reconfigure(errors="backslashreplace" if number == 2 else "surrogateescape", line_buffering=number == 2)
    return stream


def run() -> None:
    """Serve on the socket whose descriptor is the argument. In a child, run the command."""
    application()
    gc.freeze()  # a collection in a child would otherwise copy every page
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        become(serve(listening))
    main.main()
