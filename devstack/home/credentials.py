"""The passwords and keys of a stack: made once, kept with its data, since data and passwords belong together."""

from __future__ import annotations

import base64
import secrets
import string
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devstack.errors import DevstackError
from ops.nkeys import USERS, new_seed
from ops.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

_ALPHANUMERIC = string.ascii_letters + string.digits


def password() -> str:
    """Make 32 letters and digits, a letter first: fit for a URL, for SQL quotes and for nats-server's configuration."""
    return secrets.choice(string.ascii_letters) + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(31))


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Credentials(BaseModel):
    """Everything that is secret in a stack; no two processes share a password or a seed."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    nats_gateway_seed: str = Field(default_factory=new_seed, repr=False)
    nats_auth_seed: str = Field(default_factory=new_seed, repr=False)
    nats_customers_seed: str = Field(default_factory=new_seed, repr=False)
    nats_products_seed: str = Field(default_factory=new_seed, repr=False)
    nats_operator_seed: str = Field(default_factory=new_seed, repr=False)
    nats_system_seed: str = Field(default_factory=new_seed, repr=False)
    nats_cluster: str = Field(default_factory=password, repr=False)
    postgres_superuser: str = Field(default_factory=password, repr=False)
    postgres_customers: str = Field(default_factory=password, repr=False)
    postgres_products: str = Field(default_factory=password, repr=False)
    mongo_admin: str = Field(default_factory=password, repr=False)
    mongo_auth: str = Field(default_factory=password, repr=False)
    mongo_replica_set_key: str = Field(default_factory=_key, repr=False)
    auth_admin_password: str = Field(default_factory=password, repr=False)
    auth_key_encryption_key: str = Field(default_factory=_key, repr=False)

    @property
    def nats(self) -> dict[str, str]:
        """The nkey seed of each NATS user."""
        return {user: getattr(self, f"nats_{user}_seed") for user in USERS}


def load_credentials(home: Path) -> Credentials:
    """Read `secrets.json`, or make it for a new home; what an earlier version knew nothing of is added.

    Raises:
        DevstackError: it is damaged, or gone while the data that it opens is still there.

    """
    path = home / "secrets.json"
    begin_anew = f"restore it, or remove {home} to begin anew"
    if path.exists():
        try:
            kept = Credentials.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DevstackError(f"{path} is damaged: {begin_anew}") from error
        if kept.model_fields_set != set(Credentials.model_fields):
            write_private(path, kept.model_dump_json(indent=2))
        return kept
    if (home / "postgres").exists() or (home / "mongo").exists():
        raise DevstackError(f"{path} is missing, and without it the data beside it cannot be opened: {begin_anew}")
    made = Credentials()
    write_private(path, made.model_dump_json(indent=2))
    return made
