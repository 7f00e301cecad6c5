"""The commands of docs/tutorial.md, run one after another in one shell, print what the tutorial shows."""

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from devstack.stack.stack import Stack
from tests.support.paths import ROOT

TUTORIAL: Final = ROOT / "docs" / "tutorial.md"
BLOCKS: Final = re.findall(r"^```console\n(.*?)^```", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
_MARK: Final = "== next command =="
_NATS: Final = shutil.which("nats")


def commands() -> list[tuple[str, str]]:
    """Each command, and what is printed below it."""
    found = [part.partition("\n") for block in BLOCKS for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown.strip()) for command, _, shown in found]


def of_nats(command: str) -> bool:
    """Whether a command needs the `nats` tool, or what it wrote."""
    return command.startswith(("bus", "SERVER=", "until", "wait", "cat .mesh/event"))


def here(command: str, stack: Stack) -> str:
    """The command for the stack of the tests."""
    home = stack.state.home
    replaced = command.replace("http://127.0.0.1:8080", stack.state.gateway_url).replace(".mesh/", f"{home}/")
    return replaced.replace(".venv/bin/mesh", f"MESH_HOME={home} {Path(sys.executable).with_name('mesh')}")


def pattern(shown: str) -> str:
    """What may be printed: anything stands in the place of an ellipsis."""
    return ".*".join(map(re.escape, shown.split("…")))


async def printed(script: str) -> list[str]:
    """What each command of a script printed."""
    shell = await asyncio.create_subprocess_exec(
        "bash", "-s", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await shell.communicate(script.encode())
    return [one.strip() for one in out.decode().split(f"{_MARK}\n")[1:]]


async def test_every_command_of_the_tutorial_prints_what_it_shows(stack: Stack) -> None:
    run = [one for one in commands() if _NATS or not of_nats(one[0])]
    script = "\n".join(f"echo '{_MARK}'\n{here(command, stack)}" for command, _ in run)

    for (command, shown), told in zip(run, await printed(script), strict=True):
        assert re.fullmatch(pattern(shown), told, re.DOTALL), f"{command}\n{told}"
    if not _NATS:
        pytest.skip("the `nats` tool is not here: the tutorial's commands for it did not run")


def test_the_tutorial_has_a_command_for_each_step() -> None:
    headings = re.findall(r"^## \d\. ", TUTORIAL.read_text(), re.MULTILINE)
    assert len(headings) <= len(BLOCKS)
    assert all(command for command, _ in commands())
