"""The first admin's login, kept in the home as it was made: auth makes one only where there is none."""

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
    """As made at an earlier start and kept in this home, else as the terminal says, else with this password."""
    if kept_in is not None:
        try:
            return Admin.model_validate_json(_file(kept_in).read_bytes())
        except (FileNotFoundError, ValidationError):
            pass
    return Admin(
        email=terminal.get("AUTH_ADMIN_EMAIL") or _EMAIL, password=terminal.get("AUTH_ADMIN_PASSWORD") or password
    )


def keep_admin(home: Path, admin: Admin) -> None:
    """Keep what the first admin was made with: later the terminal may say something else, and the login stays."""
    write_private(_file(home), admin.model_dump_json(indent=2))


def _file(home: Path) -> Path:
    return home / "admin.json"
