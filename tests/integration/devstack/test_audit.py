"""`make audit` tells of the servers inside the wheels, and of these versions."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version as of_wheel

import pytest

from devstack.servers import binaries
from devstack.servers.audit import facts, report, version
from tests.support.paths import ROOT

MAKE = shutil.which("make") or "make"


@pytest.mark.parametrize("server", facts())
def test_the_facts_are_about_the_server_and_the_wheel_that_are_installed(server: str) -> None:
    known = facts()[server]
    name, _, number = known["wheel"].partition(" ")
    assert (version(server), of_wheel(name)) == (known["version"], number)
    assert f"{name}=={number}" in (ROOT / "requirements" / "dev.txt").read_text()


def test_there_are_facts_about_every_server_that_is_started() -> None:
    started = {binaries.nats_server().name, (binaries.postgres_folder() / "postgres").name, binaries.mongod().name}
    assert started == facts().keys()


def test_facts_have_a_day_a_source_and_say_whether_they_matter_here() -> None:
    for known in facts().values():
        assert known["looked_up"] <= datetime.now(UTC).date()
        assert known["source"]
        for one in known["known"]:
            assert re.fullmatch(r"CVE-\d{4}-\d+", one["id"])
            assert re.match(r"(closed|open|not known): ", one["here"])
            assert one["mended_in"]


def test_make_audit_prints_them_and_goes_on_to_the_packages() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "devstack.servers.audit"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    planned = subprocess.run([MAKE, "-n", "audit"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert told.stdout.splitlines() == report()[0]
    for name in ("nats-server 2.15.1", "postgres 18.4", "mongod 6.0.5", "CVE-2025-14847", "for development"):
        assert name in told.stdout
    assert planned.index("-m devstack.servers.audit") < planned.index("pip-audit --strict")
