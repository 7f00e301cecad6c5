"""Changes are made in a copy of the project, checked there, and only then moved into the project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.scaffold.errors import ScaffoldError

_NOT_COPIED: Final = (
    *(".git", ".venv*", ".*_cache", ".hypothesis", "node_modules", "dist"),
    *(".mesh*", ".env", "keys"),  # data and secrets
)
_COPIED: Final = shutil.ignore_patterns(*_NOT_COPIED)  # with compiled modules, which save seconds
_LEFT_OUT: Final = shutil.ignore_patterns(*_NOT_COPIED, "__pycache__")
_PROJECT: Final = ("pyproject.toml", "services.py", "subjects.py", "tests")


@dataclass(frozen=True)
class Change:
    """A file that differs."""

    path: str
    text: bytes
    is_new: bool


def changes(root: Path, edit: Callable[[Path], None]) -> list[Change]:
    """What `edit`, the formatter and the generators change in the project at `root`, which stays as it is.

    Raises ScaffoldError where the edit or one of the commands fails.
    """
    if not all((root / name).exists() for name in _PROJECT):
        raise ScaffoldError(f"{root} is not a checkout of the project: it needs {', '.join(_PROJECT)}")
    with TemporaryDirectory(prefix="mesh-new-") as folder:
        stage = Path(folder) / "project"
        shutil.copytree(root, stage, ignore=_COPIED, symlinks=True)
        edit(stage)
        edited = [str(stage / one.path) for one in _differences(root, stage) if one.path.endswith(".py")]
        _run(stage, "ruff", "-m", "ruff", "check", "--quiet", "--select", "I", "--fix", *edited)
        _run(stage, "ruff", "-m", "ruff", "format", "--quiet", *edited)
        _run(stage, "mesh generate", "-m", "cli.main", "generate")
        # It refuses a route that another hides, and warns of two with one name.
        _run(stage, "the gateway", "-W", "error::UserWarning", "-m", "gateway.document")
        _run(stage, "mesh contracts export", "-m", "cli.main", "contracts", "export")
        _run(stage, "make docs", "-m", "tests.unit.docs.generated")
        _run(stage, "mesh contracts record", "-m", "cli.main", "contracts", "record")
        return sorted(_differences(root, stage), key=lambda one: one.path)


def apply(root: Path, made: Sequence[Change]) -> None:
    """Write the changes. If anything fails, the project is as it was before."""
    before = {one.path: None if one.is_new else (root / one.path).read_bytes() for one in made}
    folders: list[Path] = []
    try:
        for one in made:
            _make_folders(root / one.path, folders)
            _replace(root / one.path, one.text)
    except BaseException:  # Ctrl-C too
        for path, text in before.items():
            with suppress(OSError):
                (root / path).unlink(missing_ok=True) if text is None else _replace(root / path, text)
        for made_folder in reversed(folders):
            with suppress(OSError):
                made_folder.rmdir()
        raise


def _make_folders(file: Path, made: list[Path]) -> None:
    for folder in reversed(file.parents):
        if not folder.exists():
            folder.mkdir()
            made.append(folder)


def _replace(file: Path, text: bytes) -> None:
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.write_bytes(text)
        if file.exists():
            shutil.copymode(file, draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _differences(root: Path, stage: Path) -> Iterator[Change]:
    for folder, folders, names in os.walk(stage):
        left_out = _LEFT_OUT(folder, [*folders, *names])
        folders[:] = sorted(set(folders) - left_out)
        for name in sorted(set(names) - left_out):
            file = Path(folder) / name
            path = file.relative_to(stage)
            text, known = file.read_bytes(), root / path
            if not known.exists() or known.read_bytes() != text:
                yield Change(path.as_posix(), text, is_new=not known.exists())


def _run(stage: Path, name: str, *arguments: str) -> None:
    """Run Python in the stage, which imports the stage's own modules. Raises ScaffoldError with its last line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GATEWAY_"))}
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, "-B", *arguments],
        cwd=stage,
        env={**environment, "PYTHONPATH": str(stage)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no output"]
        raise ScaffoldError(f"{name} fails with the new files: {said[-1]}")
