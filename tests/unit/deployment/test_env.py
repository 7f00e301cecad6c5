"""`mesh compose init` writes a .env that compose.yaml is content with, and that means what it looks like."""

import base64
import json
import os
import re
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner, Result

from auth_svc.settings import AuthSettings
from cli import compose
from cli.application import application
from cli.compose import filled
from tests.support.paths import ROOT

WANTED = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text()))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what a fresh clone has beside compose.yaml."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def init(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(application(["compose"]), ["compose", "init", "--folder", str(folder), *more])


def variables(folder: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(folder / ".env", interpolate=False).items()}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_fresh_clone_gets_all_that_compose_wants_for_its_owner_alone(clone: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made = init(clone, "--admin-email", "ada@northwind.example")
    finally:
        os.umask(before)
    assert 0 == made.exit_code, made.output
    told = variables(clone)
    assert WANTED == set(told)
    assert "ada@northwind.example" == told["AUTH_ADMIN_EMAIL"]
    secret = [value for name, value in told.items() if name.endswith(("_PASSWORD", "_SEED", "_KEY"))]
    assert len(secret) == len(set(secret))
    assert all(len(value) >= 32 for value in secret)
    assert not [value for value in secret if value in made.output]
    assert 0o600 == stat.S_IMODE((clone / ".env").stat().st_mode)
    assert (clone / "keys" / "nats" / "server.pem").exists()


def test_where_the_secrets_are_is_told_as_json(clone: Path) -> None:
    made = init(clone, "--json")

    assert {"environment": str(clone / ".env"), "keys": str(clone / "keys")} == json.loads(made.stdout)


def test_of_two_that_run_at_once_the_second_keeps_what_the_first_wrote(clone: Path) -> None:
    started = Barrier(2)

    def run() -> dict[str, str]:
        started.wait(10)
        compose.init(folder=clone)  # not by typer's runner, which replaces the streams of the whole process
        return variables(clone)

    with ThreadPoolExecutor(2) as two:
        one, other = (future.result(60) for future in [two.submit(run), two.submit(run)])
    assert one == other == variables(clone)


def test_the_values_are_such_as_the_services_take(clone: Path) -> None:
    assert 0 == init(clone).exit_code
    told = variables(clone)
    for name in ("CUSTOMERS_DATABASE_PASSWORD", "PRODUCTS_DATABASE_PASSWORD", "AUTH_DATABASE_PASSWORD"):
        assert re.fullmatch(r"\w{32,}", told[name]), "they stand in URLs too"
    assert 32 == len(base64.b64decode(told["AUTH_KEY_ENCRYPTION_KEY"], validate=True))
    given = {name.lower(): value for name, value in told.items() if name.startswith("AUTH_")}
    settings = AuthSettings.model_validate({"auth_mongodb_url": "mongodb://mongo/auth", **given})
    assert settings.auth_admin_password is not None
    assert told["AUTH_ADMIN_PASSWORD"] == settings.auth_admin_password.get_secret_value()


def test_what_is_made_needs_no_quotes_by_whatever_it_is_read(clone: Path) -> None:
    assert 0 == init(clone).exit_code
    plain = dict(line.split("=", 1) for line in (clone / ".env").read_text().splitlines() if line[:1] not in ("", "#"))
    assert variables(clone) == plain


def test_an_address_that_compose_would_change_is_refused(clone: Path) -> None:
    refused = init(clone, "--admin-email", "$ada@northwind.example")
    assert 1 == refused.exit_code
    assert "AUTH_ADMIN_EMAIL" in refused.stderr
    assert not (clone / ".env").exists()


def test_a_second_time_changes_nothing(clone: Path) -> None:
    texts = []
    for _ in range(2):
        assert 0 == init(clone).exit_code
        texts.append((clone / ".env").read_text())
    assert texts[0] == texts[1]


def test_what_somebody_has_written_is_kept_and_only_the_rest_made(clone: Path) -> None:
    own = "# ours\nAUTH_ADMIN_PASSWORD='four horses, $5 #1'  # on the wall\nexport GATEWAY_PORT=8081\n"
    (clone / ".env").write_text(f"{own}MONGO_ROOT_PASSWORD=\n")
    assert 0 == init(clone).exit_code
    text, told = (clone / ".env").read_text(), variables(clone)
    assert text.startswith(own)
    assert WANTED | {"GATEWAY_PORT"} == set(told)
    assert "four horses, $5 #1" == told["AUTH_ADMIN_PASSWORD"]
    assert all(told.values())


def test_the_older_way_by_hand_still_works(clone: Path) -> None:
    assert 0 == CliRunner().invoke(application(["nats"]), ["nats", "keys", str(clone / "keys")]).exit_code
    keys = (clone / "keys" / "nats.env").read_text()
    (clone / ".env").write_text((clone / ".env.example").read_text() + keys)
    assert 0 == init(clone).exit_code
    told = variables(clone)
    assert all(told[name] == value for name, value in (line.split("=", 1) for line in keys.splitlines()))


@pytest.mark.parametrize(
    "value",
    [
        "correct$horse",
        "correct #horse",
        "#horse",
        "two words",
        "it's",
        'a"b',
        "a`b",
        "a\\b",
        '"$horse"',
        "'it\\'s'",
        "'a",
    ],
)
def test_what_compose_would_read_otherwise_than_it_looks_is_refused_and_not_shown(clone: Path, value: str) -> None:
    written = f"GATEWAY_PORT=8081\nAUTH_ADMIN_PASSWORD={value}\n"
    (clone / ".env").write_text(written)
    refused = init(clone)
    assert 1 == refused.exit_code
    assert "line 2: AUTH_ADMIN_PASSWORD" in refused.stderr
    assert value not in refused.stderr
    assert written == (clone / ".env").read_text()


@pytest.mark.parametrize(
    "value", ["abc+/=:@!%^&*(){}[];,.~_-", "'two words'", "'$5 #1'", "'a\\b'", "'\"'", '"it\'s #1"', "'a' # b", "0"]
)
def test_what_compose_takes_literally_is_kept(value: str) -> None:
    assert f"# $ is fine here\nOTHER={value}\nMADE=1\n" == filled(f"# $ is fine here\nOTHER={value}\n", {"MADE": "1"})


def test_beside_no_compose_file_nothing_is_made_of_a_secret(tmp_path: Path) -> None:
    refused = init(tmp_path)
    assert 1 == refused.exit_code
    assert ".env.example" in refused.stderr
    assert [] == list(tmp_path.iterdir())


def test_git_keeps_the_example_and_no_secret() -> None:
    secret = [".env", ".env.local", ".env.bak", "keys/ca-key.pem", "keys/nats/server-key.pem"]
    command = ["git", "check-ignore", *secret, ".env.example"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert secret == asked.stdout.split()
