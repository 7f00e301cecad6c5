"""`python -m devstack.servers.audit`: known vulnerabilities of the servers inside wheels, which pip-audit misses."""

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
    """The recorded facts about each server."""
    return tomllib.loads(_FACTS.read_text())


def version(server: str) -> str:
    """The version that a server's program reports. Raises DevstackError if it is not installed."""
    output = subprocess.run([_PROGRAMS[server](), "--version"], check=True, capture_output=True, text=True).stdout
    found = _VERSION.search(output)
    return found[0] if found else output.strip()


def report() -> tuple[list[str], bool]:
    """The report, line by line, and whether the facts describe the installed versions."""
    lines, fit = ["Servers inside wheels, for development and tests only:"], True
    for server, known in facts().items():
        try:
            found = version(server)
        except DevstackError as error:
            lines.append(f"  {server}: {error}")
            continue
        lines.append(f"  {server} {found} ({known['wheel']}), looked up on {known['looked_up']} in {known['source']}")
        if found != known["version"]:
            fit = False
            lines.append(f"    the facts describe {known['version']}: look up {found} and record it in {_FACTS}")
        for one in known["known"]:
            lines.append(f"    {one['id']}: {one['what']}; fixed in {one['mended_in']}")
            lines.append(f"      here {one['here']}")
        if not known["known"]:
            lines.append("    no known vulnerabilities")
    return lines, fit


if __name__ == "__main__":
    output, fits = report()
    print("\n".join(output))  # noqa: T201  # what it is run for
    sys.exit(not fits)
