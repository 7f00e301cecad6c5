"""`make install` where a virtual environment is there already, from which a stack may be running."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

STUB = """#!/bin/sh
echo "$0 $*" >> {log}
case "$*" in
  *"-m pip --version"*) exit {pip};;
  *"-m venv"*) mkdir -p .venv/bin; [ -e .venv/bin/python ] || cp "$0" .venv/bin/python;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a virtual environment, and no uv on the way to its programs."""
    project = tmp_path / "project"
    (project / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", project)
    for name in ("requirements/build.txt", "requirements/dev.txt", "pyproject.toml"):
        (project / name).touch()
    (tmp_path / "bin").mkdir()
    for program in ("sh", "make", "touch", "rm", "mkdir", "cp"):
        found = shutil.which(program)
        assert found
        (tmp_path / "bin" / program).symlink_to(found)
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "lib").mkdir()
    (project / ".venv" / "lib" / "mongod").touch()
    return project


def stub(path: Path, log: Path, pip: int = 0) -> None:
    path.unlink(missing_ok=True)
    path.write_text(STUB.format(log=log, pip=pip))
    path.chmod(0o755)


def install(project: Path) -> list[str]:
    """What was called, each program by its path."""
    log = project / "calls"
    system = project.parent / "bin" / "python3"
    stub(system, log)
    subprocess.run(
        [project.parent / "bin" / "make", "install", f"PYTHON={system}"],
        cwd=project,
        env={"PATH": str(project.parent / "bin")},
        check=True,
        capture_output=True,
    )
    assert (project / ".venv" / "lib" / "mongod").exists(), "a stack may run it"
    return [line.replace(str(system), "python3") for line in log.read_text().splitlines()]


def test_one_that_works_is_kept_as_it_is(project: Path) -> None:
    stub(project / ".venv" / "bin" / "python", project / "calls")
    calls = install(project)
    assert [] == [call for call in calls if "-m venv" in call]
    assert [call for call in calls if "-r requirements/dev.txt" in call and "--require-hashes" in call]


def test_one_without_pip_gets_it(project: Path) -> None:
    stub(project / ".venv" / "bin" / "python", project / "calls", pip=1)
    assert ".venv/bin/python -m ensurepip" in install(project)


def test_one_whose_python_is_gone_gets_another(project: Path) -> None:
    for name in ("python", "python3"):
        (project / ".venv" / "bin" / name).symlink_to("/nowhere/python3.9")
    assert "python3 -m venv .venv" in install(project)
    assert (project / ".venv" / "bin" / "python").exists()


def test_where_there_is_none_it_is_made(project: Path) -> None:
    (project / ".venv" / "bin").rmdir()
    assert "python3 -m venv .venv" in install(project)
