"""What every generator is: a tool of its own language for the types, and a table of subjects beside them."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.contracts.shapes import Schema
from ops.contracts.tree import Contracts

_TIMEOUT: Final = 300
"""Seconds for a tool."""
_LONGEST: Final = 2000
"""Characters of a tool's error that are shown."""


class GenerateError(Exception):
    """The types cannot be generated. The message says what to do."""


@dataclass(frozen=True)
class Language:
    """A language, and how its files are made."""

    name: str
    program: str
    """The tool that makes the types."""
    install: str
    """The command that installs it."""
    types: str
    """The name of the file with the types."""
    table: str
    """The name of the file with the table of subjects."""
    command: Callable[[Path, Path], list[str]]
    """The tool's arguments, given the folder of its input and the file to write."""
    inputs: Callable[[Mapping[str, Schema]], dict[str, str]]
    """The tool's input files by name, made of all shapes."""
    subjects: Callable[[Contracts], str]
    """The text of the table."""

    def generate(self, contracts: Contracts, shapes: Mapping[str, Schema], scratch: Path, out: Path) -> list[Path]:
        """Write both files to `out`, and return their paths. Raises GenerateError, OSError."""
        found = shutil.which(self.program)
        if found is None:
            raise GenerateError(f"{self.program} is required: {self.install}")
        for name, text in self.inputs(shapes).items():
            (scratch / name).write_text(text, encoding="utf-8")
        out.mkdir(parents=True, exist_ok=True)
        types, table = out / self.types, out / self.table
        self._run([found, *self.command(scratch, types.absolute())], scratch)
        table.write_text(self.subjects(contracts), encoding="utf-8", newline="\n")
        return [types, table]

    def _run(self, command: list[str], scratch: Path) -> None:
        try:
            done = subprocess.run(  # noqa: S603  # the tool that the user has installed
                command, cwd=scratch, capture_output=True, text=True, check=False, timeout=_TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise GenerateError(f"{self.program} did not finish within {_TIMEOUT} s") from None
        if done.returncode:
            raise GenerateError(f"{self.program} failed: {(done.stderr or done.stdout).strip()[:_LONGEST]}")


def camel(subject: str) -> str:
    """The subject as one name: `products.get_many` becomes ProductsGetMany."""
    return "".join(part.capitalize() for part in re.split(r"[._]", subject))


def shape_of(schema: Schema) -> str:
    """The name of a whole shape."""
    name: str = schema["title"]
    return name
