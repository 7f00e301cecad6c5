"""`mesh down`: stops a running `mesh up` from another terminal."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import HomeOption, stack_here
from cli.facts import JsonOption, tell
from cli.failure import fail
from devstack.home.home import is_open

_LOOK_EVERY = 0.05


def down(
    *,
    within: Annotated[float, typer.Option(min=1, max=600, help="Seconds to wait until everything has stopped.")] = 60,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Stop the running `mesh up`, as Ctrl-C does in its terminal. Data is kept.

    Exit status: 0, 1 if it does not stop in time, or 3 if no mesh is running.
    """
    stack = stack_here(home)
    os.kill(stack.pid, signal.SIGTERM)
    start = time.monotonic()
    while is_open(stack.home, stack.pid):
        if time.monotonic() > start + within:
            fail(f"process {stack.pid} did not stop within {within:g} s")
        time.sleep(_LOOK_EVERY)
    document = {"home": str(stack.home), "pid": stack.pid, "seconds": time.monotonic() - start}
    tell(f"stopped the mesh in {home}", document, as_json=as_json)
