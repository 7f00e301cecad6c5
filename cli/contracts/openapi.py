"""The OpenAPI document of this checkout: the command imports no process, so the gateway prints it."""

import json
import os
import subprocess
import sys
from typing import Any, Final

from devstack.stack.services import ROOT

_WITHIN: Final = 120
"""Seconds."""


def openapi() -> dict[str, Any]:
    """The document. Raises ValueError, with the gateway's last line, if the gateway cannot be built."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    command = [sys.executable, "-m", "gateway.document"]
    try:
        done = subprocess.run(  # noqa: S603  # our own module
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=_WITHIN
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"the gateway prints no OpenAPI document: {error}") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no output"]
        raise ValueError(f"the gateway prints no OpenAPI document: {said[-1]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document
