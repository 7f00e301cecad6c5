from __future__ import annotations

import base64
import re
import stat
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.home.credentials import load_credentials, made, password
from ops.nkeys import public_key
from ops.process import Process
from services import PROCESSES, USERS


def test_a_password_begins_with_a_letter_and_needs_no_quoting() -> None:
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]{31}", password()) for _ in range(200))


def test_no_two_secrets_are_equal_and_none_is_shown() -> None:
    credentials = made()
    values = [str(value) for value in credentials.model_dump().values()]
    assert len(values) == len(set(values))
    assert not [value for value in values if value in repr(credentials)]


def test_keys_are_32_bytes() -> None:
    assert 32 == len(base64.b64decode(made().secret("AUTH_KEY_ENCRYPTION_KEY")))


def test_secrets_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    first = load_credentials(tmp_path)
    assert first == load_credentials(tmp_path)
    assert 0o600 == stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode)


def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"nats_gateway_seed": "hush')
    with pytest.raises(DevstackError, match="is damaged") as refused:
        load_credentials(tmp_path)
    assert "hush" not in str(refused.value)


def test_a_home_of_an_earlier_version_gets_what_it_lacks_once(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"nats_gateway": "a password", "postgres_superuser": "kept"}')
    added = load_credentials(tmp_path)
    assert "kept" == added.postgres_superuser
    assert added == load_credentials(tmp_path)


@pytest.mark.parametrize("new", PROCESSES, ids=lambda row: row.name)
def test_a_home_that_is_older_than_a_service_gets_its_secrets_and_keeps_the_others(
    tmp_path: Path, new: Process
) -> None:
    older = load_credentials(tmp_path, [row for row in PROCESSES if row is not new])
    assert new.name not in older.nats
    newer = load_credentials(tmp_path)
    assert older.model_dump().items() < newer.model_dump().items()
    assert {*USERS} == {*newer.nats}
    assert not new.store or newer.database(new)


def test_a_service_that_comes_back_finds_its_password(tmp_path: Path) -> None:
    before = load_credentials(tmp_path)
    load_credentials(tmp_path, PROCESSES[:1])
    assert before == load_credentials(tmp_path)


def test_each_user_of_nats_has_a_seed_of_its_own_and_a_public_key() -> None:
    seeds = made().nats
    keys = {public_key(seed) for seed in seeds.values()}
    assert (set(USERS), len(USERS)) == (set(seeds), len(keys))
    assert all(re.fullmatch(r"SU[A-Z2-7]{56}", seed) for seed in seeds.values())
    assert all(re.fullmatch(r"U[A-Z2-7]{55}", key) for key in keys)


def test_data_without_secrets_is_not_opened_with_new_ones(tmp_path: Path) -> None:
    (tmp_path / "mongo").mkdir()
    with pytest.raises(DevstackError, match="is missing"):
        load_credentials(tmp_path)
