import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import KeyCipher, SealedKey, SigningKey
from auth_svc.repository import Account, Session, Sessions, SigningKeys, Users, ensure_indexes
from contracts.auth import User
from mesh.errors import Conflict, NotFound
from providers.mongo import Database

SOON = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def users(any_database: Database) -> Users:
    return Users(any_database)


@pytest.fixture
def sessions(any_database: Database) -> Sessions:
    return Sessions(any_database)


@pytest.fixture
def signing_keys(any_database: Database) -> SigningKeys:
    return SigningKeys(any_database)


async def test_a_new_user_is_told_as_it_is_kept(users: Users) -> None:
    created = await users.create("anna@mesh.test", "hash", "USER")
    assert created == await users.get(created.user_id)
    assert created.model_dump_json() == (await users.get(created.user_id)).model_dump_json()
    assert ("anna@mesh.test", ("USER",)) == (created.email, created.roles)


async def test_times_are_in_utc_and_of_now(users: Users) -> None:
    created = await users.create("anna@mesh.test", "hash", "USER")
    stored = (await users.get(created.user_id)).created_at
    assert timedelta(0) == stored.utcoffset()
    assert abs(datetime.now(UTC) - stored) < timedelta(seconds=60)


async def test_an_unknown_user_is_none_to_find_and_an_error_to_get(users: Users) -> None:
    assert await users.find("nobody") is None
    with pytest.raises(NotFound):
        await users.get("nobody")


async def test_an_email_address_is_taken_once(users: Users) -> None:
    await users.create("anna@mesh.test", "hash", "USER")
    with pytest.raises(Conflict) as refusal:
        await users.create("anna@mesh.test", "hash", "USER")
    assert "email_taken" == refusal.value.reason


async def test_of_many_who_register_one_address_at_once_one_wins(users: Users, any_database: Database) -> None:
    attempts = (users.create("anna@mesh.test", "hash", "USER") for _ in range(10))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert ["Conflict"] * 9 + ["User"] == sorted(type(outcome).__name__ for outcome in outcomes)
    assert 1 == await any_database["users"].count_documents({})


async def test_an_account_is_found_by_its_email_address(users: Users) -> None:
    anna = await users.create("anna@mesh.test", "hash", "USER")
    assert Account(anna, "hash") == await users.find_account("anna@mesh.test")
    assert await users.find_account("berta@mesh.test") is None


def test_an_account_does_not_show_its_hash() -> None:
    user = User(user_id="u1", email="a@mesh.test", roles=(), created_at=SOON)
    assert "secret-hash" not in repr(Account(user, "secret-hash"))


async def test_a_hash_is_replaced_unless_it_has_changed_meanwhile(users: Users) -> None:
    anna = await users.create("anna@mesh.test", "hash", "USER")
    await users.replace_hash(Account(anna, "hash"), "better")
    await users.replace_hash(Account(anna, "hash"), "too late")
    assert Account(anna, "better") == await users.find_account("anna@mesh.test")


async def test_an_administrator_is_noticed(users: Users) -> None:
    await users.create("anna@mesh.test", "hash", "USER")
    assert not await users.has_admin()
    await users.create("admin@mesh.test", "hash", "ADMIN")
    assert await users.has_admin()


async def test_a_session_is_found_by_the_hash_that_is_good_now(sessions: Sessions) -> None:
    session = await sessions.create("u1", "first", SOON)
    assert Session(session.session_id, "u1") == await sessions.find("first")
    assert await sessions.rotate("first", "second")
    assert await sessions.find("first") is None
    assert session == await sessions.find("second")


async def test_a_hash_is_rotated_once(sessions: Sessions) -> None:
    await sessions.create("u1", "first", SOON)
    rotations = await asyncio.gather(*(sessions.rotate("first", f"second-{n}") for n in range(10)))
    assert 1 == sum(rotations)
    found = [await sessions.find(f"second-{n}") for n in range(10)]
    assert rotations == [session is not None for session in found]


async def test_an_expired_session_is_not_there_even_before_mongodb_deletes_it(sessions: Sessions) -> None:
    await sessions.create("u1", "first", datetime.now(UTC) - timedelta(milliseconds=1))
    assert await sessions.find("first") is None
    assert not await sessions.rotate("first", "second")


async def test_ending_a_session_twice_is_no_error(sessions: Sessions) -> None:
    one, other = await sessions.create("u1", "one", SOON), await sessions.create("u1", "other", SOON)
    for _ in range(2):
        await sessions.end(one.session_id)
        assert await sessions.find("one") is None
    assert other == await sessions.find("other")
    for _ in range(2):
        await sessions.end_by_hash("other")
        assert await sessions.find("other") is None


async def test_the_first_candidate_becomes_the_key_that_signs(signing_keys: SigningKeys) -> None:
    first, second = sealed(), sealed()
    assert first == await signing_keys.ensure_active(first)
    assert first == await signing_keys.ensure_active(second)
    assert (first.public,) == await signing_keys.list()


async def test_many_starters_at_once_agree_on_one_key(signing_keys: SigningKeys) -> None:
    chosen = await asyncio.gather(*(signing_keys.ensure_active(sealed()) for _ in range(10)))
    assert 1 == len({key.public.kid for key in chosen})
    assert (chosen[0].public,) == await signing_keys.list()


async def test_keys_that_sign_no_more_are_still_listed(signing_keys: SigningKeys, any_database: Database) -> None:
    old, new = sealed(), sealed()
    await signing_keys.ensure_active(old)
    await any_database["signing_keys"].update_one({"_id": old.public.kid}, {"$unset": {"active": True}})
    await signing_keys.ensure_active(new)
    assert {old.public, new.public} == set(await signing_keys.list())


async def test_indexes_can_be_ensured_by_many_at_once_and_again(any_database: Database) -> None:
    await asyncio.gather(*(ensure_indexes(any_database) for _ in range(3)))
    sessions = await any_database["sessions"].index_information()
    assert 0 == sessions["expires_at_1"]["expireAfterSeconds"]
    assert sessions["refresh_hash_1"]["unique"]
    assert (await any_database["users"].index_information())["email_1"]["unique"]


def sealed() -> SealedKey:
    return KeyCipher(bytes(32)).seal(SigningKey.of(Ed25519PrivateKey.generate()))
