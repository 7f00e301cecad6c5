"""The state of a running stack, in `stack.json` in its home, for other programs."""

from __future__ import annotations

import json
import os
import shlex
import stat
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devstack.errors import DevstackError
from devstack.home.home import is_open
from ops.private_files import write_private
from ops.prometheus import TARGETS, targets


class Operator(BaseModel):
    """The NATS user of a person, the operator or the deployer.

    It has an nkey seed, or with an external NATS whatever the terminal's variables say.
    """

    user: str | None = None
    password: str | None = Field(default=None, repr=False)
    nkey_seed_file: Path | None = None
    tls_ca: Path | None = None
    inbox_prefix: str = "_INBOX_operator"

    def settings(self) -> dict[str, object]:
        """The settings of its connection, by the names of mesh.nats.settings.NatsSettings."""
        return {
            "nats_user": self.user,
            "nats_password": self.password,
            "nats_nkey_seed_file": self.nkey_seed_file,
            "nats_tls_ca": self.tls_ca,
        }


class Admin(BaseModel):
    """The first user of the system, an administrator."""

    email: str
    password: str = Field(repr=False)


class StackState(BaseModel):
    """A stack that is ready. It contains secrets: its file is readable by its owner only."""

    model_config = ConfigDict(frozen=True)

    ready: bool = True
    gateway_url: str  # the first gateway
    gateway_urls: list[str]
    metrics_urls: dict[str, str] = {}
    """Where each process of the mesh shows its metrics, by the name in `processes`."""
    nats_url: str  # of all nodes, separated by commas; the next field has the same order
    nats_monitor_url: str | None
    operator: Operator
    deployer: Operator = Operator()
    admin: Admin
    databases: dict[str, str] = Field(repr=False)
    """The URL of each service's database, by the service's name."""
    postgres: dict[str, str] = Field(repr=False)
    """Those in PostgreSQL, keyed `<service>_url`."""
    mongo_url: str | None = Field(repr=False)
    """The first one in MongoDB."""
    console_url: str | None = Field(default=None, repr=False)
    """The console, with a token that signs in; None if it does not run."""
    ended: dict[str, str] = {}
    """How the last process of each name ended, for those that crashed."""
    home: Path
    logs: Path
    pid: int
    processes: dict[str, int]
    environments: dict[str, Path] = {}
    """For each service that is left to the user, the file with its environment."""


def read_stack(home: Path) -> StackState | None:
    """The state of the stack that runs in `home`; None if none runs, even if a killed one left its file.

    Raises:
        DevstackError: another user could have written it, and so direct tokens and passwords to a gateway of theirs.

    """
    try:
        for path in (home, _file(home)):  # the folder first: if it is ours, nobody else can replace the file
            require_ours(path)
        state = StackState.model_validate_json(_file(home).read_bytes())
    except (OSError, ValidationError):
        return None
    return state if is_open(home, state.pid) else None


def write_stack(state: StackState) -> None:
    """Publish the state."""
    write_private(_file(state.home), state.model_dump_json(indent=2))


def write_targets(state: StackState) -> None:
    """Tell Prometheus where to ask for metrics (deploy/observability/prometheus.local.yml)."""
    addresses = {name: urlsplit(url).netloc for name, url in state.metrics_urls.items()}
    write_private(state.home / TARGETS, json.dumps(targets(addresses), indent=2))


def remove_stack(home: Path) -> None:
    """Remove the state: the stack has ended."""
    for path in (_file(home), home / TARGETS):
        path.unlink(missing_ok=True)


def require_ours(path: Path) -> None:
    """Raises DevstackError if another user owns the file or folder, or can write to it."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise DevstackError(f"{path} belongs to another user: set --home or MESH_HOME to a folder of your own")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DevstackError(
            f"other users can write to {path}: make sure that it is yours, then `chmod go-w {shlex.quote(str(path))}`"
        )


def _file(home: Path) -> Path:
    return home / "stack.json"
