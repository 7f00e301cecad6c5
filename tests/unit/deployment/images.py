"""compose.yaml and the Dockerfile, read."""

import re
from typing import Any

import yaml

from services import PROCESSES
from tests.support.paths import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PACKAGES = {row.name: row.package for row in PROCESSES} | {"console": "console"}


def stages() -> dict[str, list[str]]:
    """The lines of each stage of the Dockerfile by its name, with those of the stages that it is made from."""
    found: dict[str, list[str]] = {}
    for line in DOCKERFILE.splitlines():
        if start := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            found[start[2]] = list(found.get(start[1], []))
        elif found and line and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


def image(service: str) -> list[str]:
    """The lines of the target from which a process's image is built, with its arguments."""
    build = SERVICES[service]["build"]
    lines = "\n".join(stages()[build["target"]])
    for name, value in build["args"].items():
        assert f"ARG {name}\n" in lines, f"{build['target']} takes no {name}"
        lines = lines.replace(f"${{{name}}}", value)
    assert "${" not in lines
    return lines.splitlines()


def copied(lines: list[str]) -> set[str]:
    """What comes from the repository, not from another stage."""
    own = [line for line in lines if line.startswith("COPY") and "--from=" not in line]
    return {name for line in own for name in line.split()[1:-1] if name[0] != "-"}
