"""The Dockerfile and the code tell one story; no engine is needed to see where they do not."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePath

import pytest

from tests.support.paths import ROOT
from tests.unit.deployment.images import PACKAGES, copied, image, stages


def imported(package: str) -> Iterator[str]:
    """The top-level names that a package's modules import."""
    for path in [ROOT / f"{package}.py", *(ROOT / package).rglob("*.py")]:
        if path.exists():
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module.partition(".")[0]


def ours(package: str) -> set[str]:
    """The packages of this project that a package needs, itself among them."""
    needed, more = {package}, {package}
    while more:
        more = {
            name for one in more for name in imported(one) if (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists()
        } - needed
        needed |= more
    return needed


def read(package: str) -> set[str]:
    """The files of docs/contracts that the modules of a package name."""
    found = (
        re.findall(r'"docs" / "contracts" / "([\w.]+)"', path.read_text()) for path in (ROOT / package).rglob("*.py")
    )
    return {f"docs/contracts/{name}" for names in found for name in names}


@pytest.mark.parametrize("service", PACKAGES)
def test_each_process_is_built_from_a_target_that_runs_its_module(service: str) -> None:
    assert f"ENV PACKAGE={PACKAGES[service]}" in image(service)
    assert [r"""CMD ["sh", "-c", "exec python -m \"$PACKAGE\""]"""] == [
        line for line in image(service) if line.startswith("CMD")
    ]
    assert (ROOT / PACKAGES[service] / "__main__.py").exists()


@pytest.mark.parametrize("service", PACKAGES)
def test_an_image_holds_what_its_process_imports_and_no_other_service(service: str) -> None:
    data = {path for path in copied(image(service)) if path.startswith(("requirements/", "docs/", "tests/"))}
    code = {path.removesuffix(".py") for path in copied(image(service)) - data}
    assert ours(PACKAGES[service]) == code
    assert read(PACKAGES[service]) == {path for path in data if path.startswith("docs/")}


def test_the_commands_image_holds_what_the_command_imports() -> None:
    code = {path.removesuffix(".py") for path in copied(stages()["command"]) if not path.endswith((".txt", ".conf"))}
    assert ours("cli") == code


def test_a_build_sees_what_it_copies_and_nothing_else() -> None:
    allowed = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
    wanted = {path for service in PACKAGES for path in copied(image(service))} | copied(stages()["nats"])
    wanted |= copied(stages()["python"]) | copied(stages()["version"]) | copied(stages()["command"])
    wanted = {path.replace("${SERVICE}", "cli") for path in wanted}
    seen = {path.name for pattern in allowed for path in ROOT.glob(pattern.partition("/")[0])}
    assert seen == {path.partition("/")[0] for path in wanted}
    for path in wanted:
        assert (ROOT / path).exists()
        assert any(PurePath(path).match(pattern) for pattern in allowed)


@pytest.mark.parametrize("service", PACKAGES)
def test_an_image_knows_the_version_of_the_package(service: str, tmp_path: Path) -> None:
    *_, make = [line.removeprefix("RUN ") for line in stages()["version"] if line.startswith("RUN")]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run(
        ["/bin/sh", "-c", make], cwd=tmp_path, check=True, env={"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    )

    [known] = metadata.distributions(path=[str(tmp_path)])
    assert ("northwind-mesh", metadata.version("northwind-mesh")) == (known.name, known.version)
    assert any(line.startswith("COPY --from=version") for line in image(service))


def test_images_can_be_read_by_their_user_whatever_the_umask_of_the_clone() -> None:
    copies = [line for lines in stages().values() for line in lines if line.startswith("COPY") and ".txt" not in line]
    assert copies
    for line in copies:
        mode = re.search(r"--chmod=(\d+) ", line)
        assert mode, line
        assert (0o055 if "nats" not in line else 0o044) == int(mode[1], 8) & 0o077


@pytest.mark.parametrize("service", PACKAGES)
def test_no_process_runs_as_root_and_each_installs_its_own_lock_file(service: str) -> None:
    assert "USER mesh" in image(service)
    assert f"COPY requirements/{service}.txt requirements.txt" in image(service)
    assert any(line.startswith("RUN pip install") and "-r requirements.txt" in line for line in image(service))
