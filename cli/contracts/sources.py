"""The versions of the contracts that a command compares, by the name that its user gives."""

import asyncio
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.connection import NOBODY_SERVES, connected, expanded
from cli.contracts.declared import DECLARED
from cli.contracts.generating import FOLDER
from cli.contracts.openapi import openapi
from cli.failure import fail
from devstack.stack.services import ROOT
from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from ops.contracts.compatibility.releases import last
from ops.contracts.compatibility.running import Running
from ops.contracts.compatibility.snapshot import FILES, Snapshot, declared, read
from ops.contracts.document import CONTRACTS
from ops.contracts.files import OPENAPI

CURRENT: Final = "current"
RUNNING: Final = "running"
RELEASED: Final = "released"
_EXPORT: Final = "docs/contracts"
_WITHIN: Final = 0.5
"""Seconds to wait for answers to discovery."""
_GIT_WITHIN: Final = 60


def version(name: str, home: Path) -> Snapshot | Running:
    """The version of this name: `current`, `running`, `released`, a folder, or a git revision.

    Raises ValueError if there is none. Ends the program if no mesh runs.
    """
    match name:
        case "current":
            return declared(DECLARED, openapi())
        case "running":
            return Running(asyncio.run(_running(home)))
        case "released":
            return read(last(FOLDER))
    folder = expanded(Path(name))
    return read(folder) if (folder / CONTRACTS).is_file() else _of_revision(name)


async def _running(home: Path) -> dict[str, frozenset[str]]:
    async with connected(home) as transport:
        try:
            documents = await ask_all(transport, "INFO", _WITHIN)
        except MeshError as error:
            fail(str(error))
    if not documents:
        fail("no service answers", NOBODY_SERVES)
    told = [(one.subject, one.contract) for document in documents for one in document.endpoints]
    hashes: dict[str, set[str]] = {}
    for subject, contract in told:
        if contract is not None:
            hashes.setdefault(subject, set()).add(contract)
    return {subject: frozenset(found) for subject, found in hashes.items()}


def _of_revision(name: str) -> Snapshot:
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit is None:
        raise ValueError(f"{name} is neither the folder of an export nor a git revision of this checkout")
    with TemporaryDirectory(prefix="mesh-contracts-") as scratch:
        folder = Path(scratch)
        for file in FILES:
            text = _git("show", f"{commit.decode().strip()}:{_EXPORT}/{file}")
            if text is not None:
                (folder / file).write_bytes(text)
            elif file != OPENAPI:
                raise ValueError(f"{name} has no {_EXPORT}/{file}")
        try:
            return read(folder)
        except ValueError as error:
            raise ValueError(re.sub(re.escape(scratch), f"{name}:{_EXPORT}", str(error))) from None


def _git(*arguments: str) -> bytes | None:
    """The output of git in this checkout; None if it fails or is not there."""
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and the revision follows --end-of-options
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607  # git is found as in a shell
            capture_output=True,
            check=False,
            timeout=_GIT_WITHIN,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
