"""The commands of docs/tutorial.md, run one after another in one shell, print what the tutorial shows."""

import asyncio
import re
import shutil
from typing import Final

import pytest

from devstack.stack.stack import Stack
from tests.support.tutorial import LAST_STEP, TUTORIAL, commands, mesh_command, require_shown, script

_NATS: Final = shutil.which("nats")


def of_nats(command: str) -> bool:
    """Whether a command needs the `nats` tool, or what it wrote."""
    return command.startswith(("bus", "SERVER=", "until", "wait", "cat .mesh/event"))


async def test_every_command_of_the_tutorial_prints_what_it_shows(stack: Stack) -> None:
    text, step, _ = TUTORIAL.read_text().partition(LAST_STEP)
    assert step
    run = [one for one in commands(text) if _NATS or not of_nats(one[0])]
    home = stack.state.home
    places = {
        "http://127.0.0.1:8080": stack.state.gateway_url,
        ".mesh/": f"{home}/",
        ".venv/bin/mesh": mesh_command(home),
    }
    shell = await asyncio.create_subprocess_exec(
        "bash", "-s", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await shell.communicate(script(run, places).encode())

    require_shown(run, out.decode())
    if not _NATS:
        pytest.skip("the `nats` tool is not here: the tutorial's commands for it did not run")


def test_the_tutorial_has_a_command_for_each_step() -> None:
    text = TUTORIAL.read_text()
    headings = re.findall(r"^## \d\. ", text, re.MULTILINE)
    assert len(headings) <= text.count("```console\n")
    assert all(command for command, _ in commands(text))
