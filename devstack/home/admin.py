"""The login of the first administrator, kept in the home: auth creates one only in an empty database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from devstack.home.state import Admin
from ops.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_EMAIL = "admin@northwind.example"


def first_admin(kept_in: Path | None, terminal: Mapping[str, str], password: str) -> Admin:
    """The login kept in this home; else the one in the terminal's variables; else one with this password."""
    if kept_in is not None:
        try:
            return Admin.model_validate_json(_file(kept_in).read_bytes())
        except (FileNotFoundError, ValidationError):
            pass
    return Admin(
        email=terminal.get("AUTH_ADMIN_EMAIL") or _EMAIL, password=terminal.get("AUTH_ADMIN_PASSWORD") or password
    )


def keep_admin(home: Path, admin: Admin) -> None:
    """Keep the login as created: the terminal's variables may change later, the login does not."""
    write_private(_file(home), admin.model_dump_json(indent=2))


def _file(home: Path) -> Path:
    return home / "admin.json"
