"""What the gateway of this checkout prints about itself: the command imports no process."""

import json
import os
import subprocess
import sys
from typing import Any, Final

from devstack.stack.services import ROOT

_WITHIN: Final = 120
"""Seconds."""


def openapi() -> dict[str, Any]:
    """The OpenAPI document. Raises ValueError, with the gateway's last line, if the gateway cannot be built."""
    document: dict[str, Any] = json.loads(printed("gateway.document"))
    return document


def printed(module: str) -> str:
    """The output of one of the gateway's modules. Raises ValueError, with its last line, if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    command = [sys.executable, "-m", module]
    try:
        done = subprocess.run(  # noqa: S603  # our own module
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=_WITHIN
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{module} prints nothing: {error}") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no output"]
        raise ValueError(f"{module} prints nothing: {said[-1]}")
    return done.stdout
