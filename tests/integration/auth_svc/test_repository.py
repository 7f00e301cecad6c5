import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymongo import AsyncMongoClient

from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.repository import Account, Audit, SealedKey, Sessions, SigningKeys, UserFilter, Users, ensure_indexes
from contracts.auth import AuditAction, User
from contracts.auth_audit import ListAudit
from devstack.servers.all import Servers
from mesh.core.context import Context, working_on
from mesh.core.errors import Conflict, MeshError, NotFound
from providers.mongo.database import Database, Document

U1 = "1" * 32
PAST = datetime(2020, 1, 1, tzinfo=UTC)
IDLE, LONGEST = timedelta(days=14), timedelta(days=30)


@pytest.fixture
def users(any_database: Database) -> Users:
    return Users(any_database)


@pytest.fixture
def sessions(any_database: Database) -> Sessions:
    return Sessions(any_database, idle=IDLE, longest=LONGEST, remembered=timedelta(minutes=7))


@pytest.fixture
def audit(any_database: Database) -> Audit:
    return Audit(any_database)


@pytest.fixture
def signing_keys(any_database: Database) -> SigningKeys:
    return SigningKeys(any_database)


async def test_a_new_user_is_told_as_it_is_kept(users: Users) -> None:
    created = await users.create("anna@mesh.test", "hash", "USER")
    assert created == await users.get(created.user_id)
    assert created.model_dump_json() == (await users.get(created.user_id)).model_dump_json()
    assert ("anna@mesh.test", ("USER",)) == (created.email, created.roles)


@pytest.mark.parametrize(
    ("role", "action", "is_actor"), [("USER", "registered", True), ("ADMIN", "admin_created", False)]
)
async def test_a_new_user_comes_with_an_entry_for_the_audit_log(
    users: Users, role: str, action: str, *, is_actor: bool
) -> None:
    created = await users.create("anna@mesh.test", "hash", role)
    [entry] = await users.outbox()
    actor_id = created.user_id if is_actor else None
    assert (action, created.user_id, actor_id) == (entry["action"], entry["subject_id"], entry["actor_id"])


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
    user = User(user_id="u1", email="a@mesh.test", roles=(), created_at=PAST)
    assert "secret-hash" not in repr(Account(user, "secret-hash"))


async def test_a_hash_is_replaced_unless_it_has_changed_meanwhile(users: Users) -> None:
    anna = await users.create("anna@mesh.test", "hash", "USER")
    await users.replace_hash(Account(anna, "hash"), "better")
    await users.replace_hash(Account(anna, "hash"), "too late")
    assert Account(anna, "better") == await users.find_account("anna@mesh.test")


async def test_mongodb_logs_no_hash_that_was_slow_to_store_or_was_not_stored(
    users: Users, databases: Servers, auth_url: str
) -> None:
    anna = await users.create("anna@mesh.test", "hash-before", "USER")
    async with AsyncMongoClient[Document](auth_url) as other, other.start_session() as session:
        await session.start_transaction()
        theirs = other.get_default_database()["users"]
        await theirs.update_one({"_id": anna.user_id}, {"$set": {"disabled": False}}, session=session)
        with working_on(Context("r1", asyncio.get_running_loop().time() + 0.3)), pytest.raises(MeshError):
            await users.replace_hash(Account(anna, "hash-before"), "hash-after")
    log = await asyncio.to_thread((databases.home.logs / "mongo.log").read_text)
    assert "Waiting for connections" in log
    assert not [line for line in log.splitlines() if "hash-before" in line or "hash-after" in line]


async def test_an_administrator_is_noticed(users: Users) -> None:
    await users.create("anna@mesh.test", "hash", "USER")
    assert not await users.has_admin()
    await users.create("admin@mesh.test", "hash", "ADMIN")
    assert await users.has_admin()


async def test_a_session_is_found_until_it_is_revoked(sessions: Sessions) -> None:
    one, other = await sessions.create("u1", None), await sessions.create("u1", "203.0.113.7")
    assert one == await sessions.find(one.session_id)
    assert [one.session_id] == await sessions.revoke("u1", one.session_id)
    assert [] == await sessions.revoke("u1", one.session_id), "twice is no error"
    assert await sessions.find(one.session_id) is None
    assert [one.session_id] == await sessions.revoked()
    assert (True, False) == (await sessions.is_revoked(one.session_id), await sessions.is_revoked(other.session_id))
    assert [other.session_id] == [session.session_id for session in await sessions.list("u1", current="")]


async def test_a_session_of_somebody_else_is_not_revoked(sessions: Sessions) -> None:
    session = await sessions.create("u1", None)
    assert [] == await sessions.revoke("u2", session.session_id)
    assert session == await sessions.find(session.session_id)


async def test_all_but_one_are_revoked(sessions: Sessions) -> None:
    mine = [await sessions.create("u1", None) for _ in range(3)]
    other = await sessions.create("u2", None)
    revoked = await sessions.revoke_all("u1", but=mine[1].session_id)
    assert {mine[0].session_id, mine[2].session_id} == set(revoked)
    assert [mine[1], other] == [await sessions.find(one.session_id) for one in (mine[1], other)]


async def test_a_generation_is_traded_once(sessions: Sessions) -> None:
    session = await sessions.create("u1", None)
    rotated = await asyncio.gather(*(sessions.rotate(session) for _ in range(10)))
    [winner] = [one for one in rotated if one is not None]
    assert (0, 1) == (session.generation, winner.generation)
    assert winner == await sessions.find(session.session_id)


async def test_a_session_ends_when_it_is_not_used_or_has_lasted_long_enough(
    sessions: Sessions, any_database: Database
) -> None:
    session = await sessions.create("u1", None)
    [stored] = await any_database["sessions"].find().to_list()
    assert (IDLE, LONGEST) == (stored["expires_at"] - stored["created_at"], stored["ends_at"] - stored["created_at"])
    soon = stored["created_at"] + timedelta(days=1)
    await any_database["sessions"].update_one({}, {"$set": {"ends_at": soon}})
    assert await sessions.rotate(session)
    [stored] = await any_database["sessions"].find().to_list()
    assert soon == stored["expires_at"], "no use of it makes it last longer"


async def test_an_expired_session_is_not_there_even_before_mongodb_deletes_it(any_database: Database) -> None:
    late = Sessions(any_database, idle=timedelta(milliseconds=-1), longest=LONGEST, remembered=LONGEST)
    session = await late.create("u1", None)
    assert await late.find(session.session_id) is None
    assert await late.rotate(session) is None
    assert [] == await late.list("u1", current="")


async def test_the_first_candidate_becomes_the_key_that_signs(signing_keys: SigningKeys) -> None:
    first, second = sealed(), sealed()
    for candidate in (first, second):
        await signing_keys.ensure_one(candidate)
        assert first == (await signing_keys.signing()).key
    assert (first.public,) == await signing_keys.list()


async def test_many_starters_at_once_agree_on_one_key(signing_keys: SigningKeys) -> None:
    await asyncio.gather(*(signing_keys.ensure_one(sealed()) for _ in range(10)))
    assert ((await signing_keys.signing()).key.public,) == await signing_keys.list()


async def test_a_new_key_is_published_before_it_signs_and_the_old_one_retires_after_its_tokens(
    signing_keys: SigningKeys, any_database: Database
) -> None:
    old, new = sealed(), sealed()
    await signing_keys.ensure_one(old)
    following = await signing_keys.rotate(new, timedelta(milliseconds=300), timedelta(seconds=330))
    assert new == following.key
    assert (new.public, old.public) == await signing_keys.list()
    assert old == (await signing_keys.signing()).key
    while (await signing_keys.signing()).key != new:
        await asyncio.sleep(0.02)
    assert datetime.now(UTC) >= following.signs_from
    retiring = await any_database["signing_keys"].find_one({"_id": old.public.kid})
    assert retiring
    assert following.signs_from + timedelta(seconds=330) == retiring["retires_at"]
    await any_database["signing_keys"].update_one({"_id": old.public.kid}, {"$set": {"retires_at": PAST}})
    assert (new.public,) == await signing_keys.list(), "even before MongoDB deletes it"


async def test_a_rotation_that_broke_off_before_the_old_key_retired_is_finished_by_the_repeat(
    signing_keys: SigningKeys, any_database: Database
) -> None:
    old = sealed()
    await signing_keys.ensure_one(old)
    rotate = partial(signing_keys.rotate, lead=timedelta(minutes=1), longest_token=timedelta(minutes=5))
    following = await rotate(sealed())
    await any_database["signing_keys"].update_one({"_id": old.public.kid}, {"$unset": {"retires_at": ""}})
    assert following == await rotate(sealed())
    retires_at = [key.get("retires_at") async for key in any_database["signing_keys"].find().sort("number", 1)]
    assert [following.signs_from + timedelta(minutes=5), None] == retires_at


async def test_of_many_who_rotate_at_once_one_does(signing_keys: SigningKeys) -> None:
    await signing_keys.ensure_one(sealed())
    rotate = partial(signing_keys.rotate, lead=timedelta(minutes=1), longest_token=timedelta(minutes=1))
    outcomes = await asyncio.gather(*(rotate(sealed()) for _ in range(10)))
    assert 1 == len({one.key.public.kid for one in outcomes})
    assert 2 == len(await signing_keys.list())


async def test_the_audit_log_comes_newest_first_and_page_by_page(audit: Audit) -> None:
    for number in range(5):
        with working_on(Context(f"r{number}", float("inf"), client_address="203.0.113.7")):
            await audit.record(AuditAction.LOGGED_IN, U1 if number % 2 else "u0", actor_id="a", detail=str(number))
        await asyncio.sleep(0.002)  # entries of one millisecond have no order
    first = await audit.list(ListAudit(limit=3))
    assert ["4", "3", "2"] == [entry.detail for entry in first.items]
    rest = await audit.list(ListAudit(limit=3, cursor=first.next_cursor))
    assert (["1", "0"], None) == ([entry.detail for entry in rest.items], rest.next_cursor)
    of_one = await audit.list(ListAudit(limit=3, user_id=U1))
    assert ["3", "1"] == [entry.detail for entry in of_one.items]
    assert ("r3", "203.0.113.7", "a") == (
        of_one.items[0].request_id,
        of_one.items[0].client_address,
        of_one.items[0].actor_id,
    )


async def test_users_come_by_their_addresses_and_page_by_page(users: Users) -> None:
    for name in ("carla", "anna", "berta"):
        await users.create(f"{name}@mesh.test", "hash", "USER")
    first = await users.list(UserFilter(), cursor=None, limit=2)
    assert ["anna@mesh.test", "berta@mesh.test"] == [user.email for user in first.items]
    rest = await users.list(UserFilter(), cursor=first.next_cursor, limit=2)
    assert (["carla@mesh.test"], None) == ([user.email for user in rest.items], rest.next_cursor)
    [berta] = (await users.list(UserFilter("berta@mesh.test"), cursor=None, limit=2)).items
    assert "berta@mesh.test" == berta.email


async def test_rights_are_changed_unless_they_have_changed_meanwhile(users: Users) -> None:
    anna = await users.create("anna@mesh.test", "hash", "USER")
    await users.clear_outbox(anna.user_id, await users.outbox())
    entry = {"_id": "e1"}
    changed = await users.change_rights(anna, {"disabled": True}, [entry])
    assert anna.model_copy(update={"disabled": True}) == changed == await users.get(anna.user_id)
    assert None is await users.change_rights(anna, {"disabled": True}, [entry])
    raised = await users.change_rights(anna, {"roles": ("USER", "ADMIN")}, ())
    assert raised
    assert (("USER", "ADMIN"), True) == (raised.roles, raised.disabled)
    assert [entry] == await users.outbox(anna.user_id) == await users.outbox()
    await users.clear_outbox(anna.user_id, [entry])
    assert [] == await users.outbox(anna.user_id) == await users.outbox()


async def test_indexes_can_be_ensured_by_many_at_once_and_again(any_database: Database) -> None:
    await asyncio.gather(*(ensure_indexes(any_database) for _ in range(3)))
    sessions = await any_database["sessions"].index_information()
    assert 0 == sessions["expires_at_1"]["expireAfterSeconds"]
    assert (await any_database["users"].index_information())["email_1"]["unique"]
    assert (await any_database["signing_keys"].index_information())["number_1"]["unique"]


def sealed() -> SealedKey:
    return KeyCipher(bytes(32)).seal(SigningKey.of(Ed25519PrivateKey.generate()))
