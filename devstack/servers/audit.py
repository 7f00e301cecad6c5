"""`python -m devstack.servers.audit` prints what is known of the servers inside the wheels, unknown to pip-audit."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from devstack.errors import DevstackError
from devstack.servers import binaries

_FACTS = Path(__file__).with_name("facts.toml")
_VERSION = re.compile(r"\d+(\.\d+)+")
_PROGRAMS = {
    "nats-server": binaries.nats_server,
    "postgres": lambda: binaries.postgres_folder() / "postgres",
    "mongod": binaries.mongod,
}


def facts() -> dict[str, dict[str, Any]]:
    """Read what was looked up of each server."""
    return tomllib.loads(_FACTS.read_text())


def version(server: str) -> str:
    """Ask a server's program. Raises DevstackError where there is none here."""
    told = subprocess.run([_PROGRAMS[server](), "--version"], check=True, capture_output=True, text=True).stdout
    found = _VERSION.search(told)
    return found[0] if found else told.strip()


def report() -> tuple[list[str], bool]:
    """Make the lines that tell it, and whether the facts are about these programs."""
    lines, fit = ["Servers inside wheels, for development and tests alone:"], True
    for server, known in facts().items():
        try:
            found = version(server)
        except DevstackError as error:
            lines.append(f"  {server}: {error}")
            continue
        lines.append(f"  {server} {found} ({known['wheel']}), looked up on {known['looked_up']} in {known['source']}")
        if found != known["version"]:
            fit = False
            lines.append(f"    the facts are about {known['version']}: look {found} up, and write it into {_FACTS}")
        for one in known["known"]:
            lines.append(f"    {one['id']}: {one['what']}; mended in {one['mended_in']}")
            lines.append(f"      here {one['here']}")
        if not known["known"]:
            lines.append("    nothing found there")
    return lines, fit


if __name__ == "__main__":
    told, fits = report()
    print("\n".join(told))  # noqa: T201  # what it is run for
    sys.exit(not fits)
