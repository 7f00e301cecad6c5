"""The passwords and keys of a stack: generated once and kept beside the data that they open."""

from __future__ import annotations

import base64
import re
import secrets
import string
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from devstack.errors import DevstackError
from ops.callers import CALLERS, read_callers
from ops.nkeys import new_seed
from ops.private_files import write_private
from services import BY_NAME, PROCESSES, nats_users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from ops.process import Process

_FILE = TypeAdapter(dict[str, str])
_SEED = re.compile("nats_(.+)_seed")
_ALPHANUMERIC = string.ascii_letters + string.digits


def password() -> str:
    """Generate 32 letters and digits, a letter first: safe in a URL, in SQL and in nats-server's configuration."""
    return secrets.choice(string.ascii_letters) + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(31))


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Credentials(BaseModel):
    """All secrets of a stack. No two processes share a password or a seed.

    Fields hold those of the servers. Those of users and processes follow from services.py. A removed row keeps its
    secrets, so that its data can be opened if it comes back.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="allow")
    __pydantic_extra__: dict[str, str]

    nats_cluster: str = Field(default_factory=password, repr=False)
    postgres_superuser: str = Field(default_factory=password, repr=False)
    mongo_admin: str = Field(default_factory=password, repr=False)
    mongo_replica_set_key: str = Field(default_factory=_key, repr=False)

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        """Show nothing: each value is a secret."""
        yield from ()

    @property
    def nats(self) -> dict[str, str]:
        """The nkey seed of each NATS user."""
        matches = (_SEED.fullmatch(name) for name in self.__pydantic_extra__)
        return {found[1]: self.__pydantic_extra__[found[0]] for found in matches if found}

    def database(self, process: Process) -> str:
        """The password of a process's database."""
        return self.__pydantic_extra__[str(process.store_key)]

    def secret(self, variable: str) -> str:
        """The value of a variable that is a process's secret."""
        return self.__pydantic_extra__[variable.lower()]


def made(processes: Iterable[Process] = PROCESSES, kept: Mapping[str, object] | None = None) -> Credentials:
    """Keep existing secrets and generate missing ones. Raises ValidationError for a value that is not text."""
    values = dict(kept or {})
    for name, make in _wanted(tuple(processes)).items():
        if name not in values:
            values[name] = make()
    return Credentials.model_validate(values)


def _wanted(processes: tuple[Process, ...]) -> dict[str, Callable[[], str]]:
    try:
        outside = [caller.name for caller in read_callers(CALLERS, BY_NAME)]
    except (OSError, ValueError) as error:
        raise DevstackError(str(error)) from error
    users = (*nats_users(processes), *outside)
    wanted: dict[str, Callable[[], str]] = {f"nats_{user}_seed": new_seed for user in users}
    for process in processes:
        if process.store_key:
            wanted[process.store_key] = password
        wanted |= {variable.lower(): _key for variable in process.keys}
        wanted |= {variable.lower(): password for variable in process.passwords}
    return wanted


def load_credentials(home: Path, processes: Iterable[Process] = PROCESSES) -> Credentials:
    """Read `secrets.json`, or create it for a new home. Secrets that a row needs are added.

    Raises:
        DevstackError: it is damaged, or missing while its data still exists.

    """
    path = home / "secrets.json"
    begin_anew = f"restore it, or remove {home} to begin anew"
    if path.exists():
        try:
            kept = _FILE.validate_json(path.read_bytes())
            credentials = made(processes, kept)
        except ValidationError as error:
            raise DevstackError(f"{path} is damaged: {begin_anew}") from error
        if credentials.model_dump() != kept:
            write_private(path, credentials.model_dump_json(indent=2))
        return credentials
    if (home / "postgres").exists() or (home / "mongo").exists():
        raise DevstackError(f"{path} is missing, and without it the data beside it cannot be opened: {begin_anew}")
    credentials = made(processes)
    write_private(path, credentials.model_dump_json(indent=2))
    return credentials
