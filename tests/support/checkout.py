"""A copy of this project that a test may change, and commands that run in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

# mypy's cache and compiled modules stay: without them every command takes seconds longer.
_LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", ".venv*", ".mesh*", ".pytest_cache", ".hypothesis", "node_modules", "dist"
)
_NOT_INHERITED: Final = ("PYTHON", "PYTEST_", "MESH_", "NATS_", "GATEWAY_", "AUTH_", "CUSTOMERS_", "PRODUCTS_")


class Checkout:
    """The copy: its modules come before those of the editable install, which has the path of the original."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        own = {
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MESH_NICENESS": "0",
        }  # on a busy machine
        self.environment = {**inherited, **own}
        shutil.copytree(ROOT, folder, ignore=_LEFT_OUT, symlinks=True)

    def run(self, *arguments: str) -> str:
        """Run a Python module in it. Returns its output; fails with the output if the exit status is not 0."""
        return self.program("python", "-m", *arguments)

    def program(self, *command: str) -> str:
        """The same of a program of the virtual environment."""
        done = self.attempt(*command)
        assert 0 == done.returncode, f"{' '.join(command)}\n{done.stdout[-6000:]}{done.stderr[-6000:]}"
        return done.stdout

    def attempt(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, whatever its exit status."""
        return subprocess.run(
            [Path(sys.executable).with_name(name), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def git(self, *arguments: str) -> None:
        """Run git in it. It has no history before `git init`."""
        subprocess.run(["git", *arguments], cwd=self.folder, check=True)  # noqa: S607  # the git of the developer

    def mesh(self, *arguments: str) -> str:
        """Run the command `mesh` of the copy."""
        return self.run("cli.main", *arguments)

    def files(self) -> dict[str, bytes]:
        """Every file by its path."""
        caches = {".mypy_cache", ".ruff_cache", ".import_linter_cache", "__pycache__"}
        paths = (path for path in self.folder.rglob("*") if path.is_file() and not caches & {*path.parts})
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}
