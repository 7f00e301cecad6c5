"""What a running stack tells other programs about itself: `stack.json` in its home."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devstack.errors import DevstackError
from devstack.home.home import is_open
from ops.private_files import write_private


class Operator(BaseModel):
    """As whom a person talks to NATS, the operator or the deployer.

    By a seed, or, at somebody else's NATS, by whatever the terminal says.
    """

    user: str | None = None
    password: str | None = Field(default=None, repr=False)
    nkey_seed_file: Path | None = None
    tls_ca: Path | None = None
    inbox_prefix: str = "_INBOX_operator"

    def settings(self) -> dict[str, object]:
        """Those of its connection, by the names of mesh.settings.NatsSettings."""
        return {
            "nats_user": self.user,
            "nats_password": self.password,
            "nats_nkey_seed_file": self.nkey_seed_file,
            "nats_tls_ca": self.tls_ca,
        }


class Admin(BaseModel):
    """The first user of the system, who may do everything over HTTP."""

    email: str
    password: str = Field(repr=False)


class StackState(BaseModel):
    """A stack that is ready. It holds secrets: its file is for its owner alone."""

    model_config = ConfigDict(frozen=True)

    ready: bool = True
    gateway_url: str  # of the first gateway
    gateway_urls: list[str]
    nats_url: str  # of each node, separated by commas; the next line in the same order
    nats_monitor_url: str | None
    operator: Operator
    deployer: Operator = Operator()
    admin: Admin
    databases: dict[str, str] = Field(repr=False)
    """The URL of each service's database, by the service's name."""
    postgres: dict[str, str] = Field(repr=False)
    """Those in PostgreSQL, as `<service>_url`."""
    mongo_url: str | None = Field(repr=False)
    """The first in MongoDB."""
    home: Path
    logs: Path
    pid: int
    processes: dict[str, int]
    environments: dict[str, Path] = {}
    """Of each service that somebody else runs: the file with its environment."""


def read_stack(home: Path) -> StackState | None:
    """Read about the stack that runs in `home`; None if none does, whatever file a killed one has left.

    Raises:
        DevstackError: somebody else may have written it, to have tokens and passwords sent to a gateway of theirs.

    """
    try:
        for path in (home, _file(home)):  # the folder first: nobody else can then put another file into it
            _check_owner(path)
        state = StackState.model_validate_json(_file(home).read_bytes())
    except (OSError, ValidationError):
        return None
    return state if is_open(home, state.pid) else None


def write_stack(state: StackState) -> None:
    """Tell other programs."""
    write_private(_file(state.home), state.model_dump_json(indent=2))


def remove_stack(home: Path) -> None:
    """Tell other programs that it is over."""
    _file(home).unlink(missing_ok=True)


def _check_owner(path: Path) -> None:
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise DevstackError(f"{path} belongs to another user: name a home of your own in --home or MESH_HOME")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DevstackError(
            f"others may write to {path}: `chmod go-w {shlex.quote(str(path))}`, once you know that it is yours"
        )


def _file(home: Path) -> Path:
    return home / "stack.json"
