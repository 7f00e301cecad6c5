"""The commands of docs/tutorial.md, and what each prints."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

TUTORIAL: Final = ROOT / "docs" / "tutorial.md"
LAST_STEP: Final = "## 7. Add an endpoint"
"""It changes the checkout: a test runs it in a copy, all others on the stack of the tests."""
_MARK: Final = "== next command =="

Command = tuple[str, str]
"""A command, and what is printed below it."""


def commands(text: str) -> list[Command]:
    """Each command of a part of the tutorial."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = [part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown.strip()) for command, _, shown in found]


def script(run: list[Command], places: Mapping[str, str]) -> str:
    """A script for bash that runs the commands; `places` says what stands where the tutorial has its own."""
    text = "\n".join(f"echo '{_MARK}'\n{command}" for command, _ in run)
    for place, here in places.items():
        text = text.replace(place, here)
    return text


def mesh_command(home: Path | str) -> str:
    """`.venv/bin/mesh`, as the tests run it."""
    return f"MESH_HOME={home} {sys.executable} -m cli.main"


def require_shown(run: list[Command], output: str) -> None:
    """Fail unless each command printed what the tutorial shows, with anything in the place of an ellipsis."""
    for (command, shown), told in zip(run, output.split(f"{_MARK}\n")[1:], strict=True):
        pattern = ".*".join(map(re.escape, shown.split("…")))
        assert re.fullmatch(pattern, told.strip(), re.DOTALL), f"{command}\n{told}"
