"""Nothing is installed without a hash, and what is built is built by what has one: lock files and installers."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.process import Process
from services import BY_NAME, WORKERS
from services import LOCKS as PINNED
from tests.support.paths import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
OPTIONS = ["--only-binary :all:", "--no-binary nkeys"]
"""In this order: pip lets `:all:` undo an exception that stands before it."""
BUILT_BY = {"nkeys": {"setuptools"}}
"""What comes as source alone, and what its pyproject.toml wants for its build."""


def pins(text: str) -> dict[str, str]:
    """Each requirement of a lock file by its name, with its hashes."""
    joined = text.replace("\\\n", " ").splitlines()
    return {re.split(r"[=;\[ ]", line)[0]: line for line in joined if line and not line.startswith("--")}


def installs(text: str) -> list[str]:
    """Each command of a Makefile or a Dockerfile that installs packages."""
    return re.findall(r"pip install [^;&\\\n]*", text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_allows_no_source_but_that_of_nkeys_and_nothing_without_a_hash(lock: Path) -> None:
    text = lock.read_text()
    assert OPTIONS == [line for line in text.splitlines() if line.startswith("--")]
    assert OPTIONS == text.splitlines()[:2]
    for name, line in pins(text).items():
        assert re.search(r"==\S+.* --hash=sha256:[0-9a-f]{64}", line), name
    assert "://" not in text


def test_what_builds_is_pinned_and_is_no_source_itself() -> None:
    excepted = {option.split()[1] for option in OPTIONS if option.startswith("--no-binary")}
    assert excepted == set(BUILT_BY)
    build = pins((ROOT / "requirements" / "build.txt").read_text())
    assert set(build) == {name for names in BUILT_BY.values() for name in names}


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_no_installer_takes_anything_without_a_hash_or_builds_with_what_has_none(name: str) -> None:
    commands = installs((ROOT / name).read_text())
    assert commands
    for command in commands:
        if "-e ." in command:
            assert {"--no-deps", "--no-build-isolation"} <= set(command.split())
        else:
            assert "--require-hashes" in command
            assert "-r " in command
            assert ("build.txt" in command) != ("--no-build-isolation" in command), command


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_what_builds_comes_first(name: str) -> None:
    for way in ("uv pip install", "python -m pip install", "RUN pip install"):
        commands = [line for line in (ROOT / name).read_text().splitlines() if way in line]
        assert not commands or "build.txt" in commands[0]


def test_each_process_has_an_extra_a_lock_file_and_a_place_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    (ours,) = (one for one in extras["dev"] if one.startswith("northwind-mesh["))
    assert set() == {*PINNED} - {*extras}, "no extra in pyproject.toml"
    assert set() == {*BY_NAME} - {*re.split(r"[\[\],]", ours)}, "not in the extra `dev` of pyproject.toml"
    assert set() == {*PINNED} - {lock.stem for lock in LOCKS}, "no lock file: run `make lock`"
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {"services.py", "subjects.py", *(row.package for row in BY_NAME.values())} <= {*wheel["only-include"]}


@pytest.mark.parametrize("row", WORKERS, ids=lambda row: row.name)
def test_the_extra_of_a_worker_has_the_drivers_of_its_store(row: Process) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert f"northwind-mesh[{row.target}]" in extras[row.name], f"services.py says {row.target}, pyproject.toml not"


def lists(value: Any) -> Iterator[list[str]]:  # noqa: ANN401  # any TOML
    """Every list of texts in a document."""
    if isinstance(value, dict):
        for below in value.values():
            yield from lists(below)
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        yield value
    elif isinstance(value, list):
        for below in value:
            yield from lists(below)


def test_each_list_of_packages_in_pyproject_has_every_worker() -> None:
    packages = {row.package for row in WORKERS}
    own_layers = {"auth_svc", "notifications_svc"}
    found = [
        {name for one in names for name in re.findall(r"^\w+_svc$|(?<=\| )\w+_svc|^\w+_svc(?= \|)", one)}
        for names in lists(tomllib.loads((ROOT / "pyproject.toml").read_text()))
    ]
    named = [names for names in found if len(names) > 1]
    assert len(named) > 8
    for names in named:
        expected = packages if "auth_svc" in names else packages - own_layers
        assert expected == names, "each list of packages in pyproject.toml names the workers of services.py"


def test_make_lock_pins_every_process() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nlock: ##")[2]
    (program,) = re.findall(r"""python -c "(.*?)\"""", recipe)
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [*PINNED] == told.stdout.split()


def test_make_lock_writes_the_same_options() -> None:
    makefile = (ROOT / "Makefile").read_text()
    written = "".join(rf"{option}\n" for option in OPTIONS)
    assert f"lock: OPTIONS := {written}\n" in makefile
    assert all(option in makefile.partition("lock: COMPILE := ")[2].splitlines()[0] for option in OPTIONS)
