"""The environment of a service that somebody else runs: a private file that a shell reads."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from devstack.stack.replaced import write_environments

URL = "mongodb://auth:word@127.0.0.1:1/auth?authSource=auth&replicaSet=x"


def test_a_shell_reads_each_value_as_it_is_and_the_seed_from_a_file(tmp_path: Path) -> None:
    odd = {"A_URL": URL, "A_NAME": "it's $5 #1; `ls`", "NATS_NKEY_SEED": "SUSEED"}
    files = write_environments(tmp_path, {"orders": odd})
    assert {"orders": tmp_path / "env" / "orders.env"} == files
    read = subprocess.run(
        ["/bin/sh", "-c", f"set -a; . {files['orders']}; env"], env={}, capture_output=True, text=True, check=True
    )
    told = dict(line.split("=", 1) for line in read.stdout.splitlines())
    assert (URL, "it's $5 #1; `ls`") == (told["A_URL"], told["A_NAME"])
    assert "NATS_NKEY_SEED" not in told
    assert "SUSEED" == Path(told["NATS_NKEY_SEED_FILE"]).read_text()


def test_the_files_are_their_owners_alone_and_those_of_an_earlier_start_are_gone(tmp_path: Path) -> None:
    write_environments(tmp_path, {"orders": {"NATS_NKEY_SEED": "x"}})
    write_environments(tmp_path, {"auth": {"NATS_NKEY_SEED": "y"}})
    assert {"auth.env", "auth.nk"} == {path.name for path in (tmp_path / "env").iterdir()}
    assert 0o700 == stat.S_IMODE((tmp_path / "env").stat().st_mode)
    for path in (tmp_path / "env").iterdir():
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("environments", [{}, {"orders": {}}])
def test_nothing_is_no_error(tmp_path: Path, environments: dict[str, dict[str, str]]) -> None:
    assert environments.keys() == write_environments(tmp_path, environments).keys()
