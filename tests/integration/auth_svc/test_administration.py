"""What administrators may, and may not."""

import asyncio
import json

import pytest

from contracts.auth import GetMe, GetUser, ListUsers, Login, Refresh, UpdateUser, UserPatch
from contracts.auth_audit import ListAudit
from providers.mongo.database import Database
from subjects import (
    AUTH_AUDIT_LIST,
    AUTH_LOGIN,
    AUTH_ME,
    AUTH_REFRESH,
    AUTH_USERS_GET,
    AUTH_USERS_LIST,
    AUTH_USERS_UPDATE,
)
from tests.integration.auth_svc.people import PASSWORD, Person, admin, patch, person
from tests.integration.auth_svc.small_mesh import Mesh


@pytest.fixture
async def anna(worker: Mesh) -> Person:
    return await person(worker, "anna")


@pytest.fixture
async def boss(worker: Mesh, database: Database) -> Person:
    return await admin(worker, database)


async def test_users_are_listed_and_found(worker: Mesh, anna: Person, boss: Person) -> None:
    page = await worker.call(AUTH_USERS_LIST, ListUsers(), boss.access)
    assert ["admin@mesh.test", "anna@mesh.test"] == [user.email for user in page.items]
    found = await worker.call(AUTH_USERS_LIST, ListUsers(email="ANNA@mesh.test"), boss.access)
    assert (anna.user,) == found.items
    assert anna.user == await worker.call(AUTH_USERS_GET, GetUser(user_id=anna.user.user_id), boss.access)
    assert () == (await worker.call(AUTH_USERS_LIST, ListUsers(email="anna@localhost"), boss.access)).items


async def test_a_role_is_given_and_holds_from_the_next_login_on(worker: Mesh, anna: Person, boss: Person) -> None:
    after = await worker.call(AUTH_USERS_UPDATE, patch(anna, roles=["USER", "ADMIN", "USER"][:2]), boss.access)
    assert ("USER", "ADMIN") == after.roles
    assert "session_revoked" == (await worker.refused(AUTH_ME, GetMe(), anna.access)).reason
    again = await anna.again(worker)
    assert await worker.call(AUTH_USERS_LIST, ListUsers(), again.access)


async def test_whoever_is_disabled_is_out_at_once_and_hears_no_reason(worker: Mesh, anna: Person, boss: Person) -> None:
    assert (await worker.call(AUTH_USERS_UPDATE, patch(anna, disabled=True), boss.access)).disabled
    assert "session_revoked" == (await worker.refused(AUTH_ME, GetMe(), anna.access)).reason
    refresh = Refresh(refresh_token=anna.tokens.refresh_token)
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh)).reason
    login = Login(email=anna.user.email, password=PASSWORD)
    assert "invalid_credentials" == (await worker.refused(AUTH_LOGIN, login)).reason
    await worker.call(AUTH_USERS_UPDATE, patch(anna, disabled=False), boss.access)
    await anna.again(worker)


async def test_what_changes_nothing_ends_nothing(worker: Mesh, anna: Person, boss: Person) -> None:
    assert anna.user == await worker.call(AUTH_USERS_UPDATE, patch(anna, roles=["USER"], disabled=False), boss.access)
    await worker.call(AUTH_ME, GetMe(), anna.access)


@pytest.mark.parametrize("changes", [{"roles": ["USER"]}, {"disabled": True}, {"roles": ["USER", "ADMIN"]}])
async def test_nobody_changes_their_own_rights(worker: Mesh, boss: Person, changes: dict[str, object]) -> None:
    assert "own_account" == (await worker.refused(AUTH_USERS_UPDATE, patch(boss, **changes), boss.access)).reason


async def test_a_user_cannot_do_any_of_it(worker: Mesh, anna: Person, boss: Person) -> None:
    for fault in (
        await worker.refused(AUTH_USERS_UPDATE, patch(anna, roles=["ADMIN"]), anna.access),
        await worker.refused(AUTH_USERS_UPDATE, patch(boss, disabled=True), anna.access),
        await worker.refused(AUTH_USERS_LIST, ListUsers(), anna.access),
        await worker.refused(AUTH_AUDIT_LIST, ListAudit(), anna.access),
    ):
        assert "role_required" == fault.reason


async def test_two_administrators_who_depose_each_other_leave_one(
    worker: Mesh, boss: Person, database: Database
) -> None:
    for number in range(5):
        other = await admin(worker, database, f"other{number}")
        first, second = await boss.again(worker), await other.again(worker)
        await asyncio.gather(
            worker.call(AUTH_USERS_UPDATE, patch(second, roles=["USER"]), first.access),
            worker.call(AUTH_USERS_UPDATE, patch(first, disabled=True), second.access),
            return_exceptions=True,
        )
        left = await database["users"].find({"roles": "ADMIN", "disabled": {"$ne": True}}).to_list()
        assert left
        await database["users"].update_many({}, {"$set": {"disabled": False}})
        await database["users"].update_one({"_id": boss.user.user_id}, {"$set": {"roles": ["ADMIN"]}})
        await database["users"].delete_one({"_id": other.user.user_id})


async def test_an_unknown_user_is_not_found(worker: Mesh, boss: Person) -> None:
    unknown = UpdateUser(user_id="0" * 32, patch=UserPatch(disabled=True))
    assert "user_not_found" == (await worker.refused(AUTH_USERS_UPDATE, unknown, boss.access)).reason


@pytest.mark.parametrize("more", [{"email": "b@mesh.test"}, {"password_hash": "x"}, {"_id": "x"}, {"roles": ["ROOT"]}])
async def test_nothing_else_is_changed_along(worker: Mesh, anna: Person, boss: Person, more: dict[str, object]) -> None:
    payload = json.dumps({"user_id": anna.user.user_id, "patch": {"disabled": True, **more}}).encode()
    headers, _ = await worker.send("auth.users.update", payload, {"Authorization": f"Bearer {boss.access}"})
    assert "422" == headers["Nats-Service-Error-Code"]


async def test_the_audit_log_tells_who_did_what_to_whom_from_where(worker: Mesh, anna: Person, boss: Person) -> None:
    await worker.refused(AUTH_LOGIN, Login(email=anna.user.email, password="wrong"), address="203.0.113.7")
    await worker.call(AUTH_USERS_UPDATE, patch(anna, roles=["ADMIN"], disabled=True), boss.access, "2001:db8::1")
    page = await worker.call(AUTH_AUDIT_LIST, ListAudit(user_id=anna.user.user_id), boss.access)
    told = [(one.action.value, one.actor_id, one.client_address, one.detail) for one in reversed(page.items)]
    assert [
        ("registered", anna.user.user_id, None, None),
        ("logged_in", anna.user.user_id, None, None),
        ("login_failed", None, "203.0.113.7", None),
    ] == told[:3]
    assert {
        ("roles_changed", boss.user.user_id, "2001:db8::1", "USER -> ADMIN"),
        ("disabled", boss.user.user_id, "2001:db8::1", None),
    } == set(told[3:])
    assert {"r1"} == {one.request_id for one in page.items}
