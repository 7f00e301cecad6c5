"""The environment of services that the user runs: in a debugger, or in another language."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ops.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SEED = "NATS_NKEY_SEED"


def write_environments(home: Path, environments: Mapping[str, Mapping[str, str]]) -> dict[str, Path]:
    """Write the environment of each service to `env/<service>.env`, readable by its owner only. Removes older files.

    The NATS seed is in a file beside it, named by NATS_NKEY_SEED_FILE, since client libraries read it from a file. A
    shell reads the file with `set -a; . FILE`, and so do tools that read .env files.
    """
    folder = home / "env"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    return {service: _write(folder, service, environment) for service, environment in environments.items()}


def _write(folder: Path, service: str, environment: Mapping[str, str]) -> Path:
    variables = dict(environment)
    if _SEED in variables:
        seed = folder / f"{service}.nk"
        write_private(seed, variables.pop(_SEED))
        variables["NATS_NKEY_SEED_FILE"] = str(seed)
    file = folder / f"{service}.env"
    write_private(file, "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items()))
    return file
