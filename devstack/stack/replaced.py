"""What a service needs that somebody else runs in a stack: a debugger, or a worker in another language."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ops.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SEED = "NATS_NKEY_SEED"


def write_environments(home: Path, environments: Mapping[str, Mapping[str, str]]) -> dict[str, Path]:
    """Write the environment of each service into `env/<service>.env`, for its owner alone; remove older ones.

    The NATS seed stands in a file beside it, which NATS_NKEY_SEED_FILE names: any client library reads it there.
    A shell reads the file (`set -a; . FILE`), and so does what reads .env files.
    """
    folder = home / "env"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    return {service: _write(folder, service, environment) for service, environment in environments.items()}


def _write(folder: Path, service: str, environment: Mapping[str, str]) -> Path:
    told = dict(environment)
    if _SEED in told:
        seed = folder / f"{service}.nk"
        write_private(seed, told.pop(_SEED))
        told["NATS_NKEY_SEED_FILE"] = str(seed)
    file = folder / f"{service}.env"
    write_private(file, "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items()))
    return file
