from __future__ import annotations

import stat
from pathlib import Path

from devstack.home.admin import first_admin, keep_admin
from devstack.home.state import Admin

TERMINAL = {"AUTH_ADMIN_EMAIL": "boss@northwind.example", "AUTH_ADMIN_PASSWORD": "said in the terminal"}
SAID = Admin(email="boss@northwind.example", password="said in the terminal")
OWN = Admin(email="admin@northwind.example", password="made with the home")


def test_the_first_start_makes_the_admin_that_the_terminal_names(tmp_path: Path) -> None:
    assert SAID == first_admin(tmp_path, TERMINAL, OWN.password)
    assert OWN == first_admin(tmp_path, {"AUTH_ADMIN_PASSWORD": ""}, OWN.password)


def test_a_later_start_tells_of_the_admin_as_made_whatever_the_terminal_says_now(tmp_path: Path) -> None:
    keep_admin(tmp_path, OWN)
    assert OWN == first_admin(tmp_path, TERMINAL, "another")
    assert 0o600 == stat.S_IMODE((tmp_path / "admin.json").stat().st_mode)


def test_a_database_of_somebody_elses_has_the_admin_that_the_terminal_names() -> None:
    assert SAID == first_admin(None, TERMINAL, OWN.password)
