"""Who may what, tried from outside: roles that one has not, ids that are somebody else's, fields that are not asked."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from tests.support.http.people import bearer, log_in, new_account, register, session_of
from tests.support.http.problems import problem

Headers = dict[str, str]


@pytest.fixture(scope="module")
async def anna(http: AsyncClient) -> dict[str, Any]:
    return await log_in(http, *await register(http))


@pytest.fixture(scope="module")
async def berta(http: AsyncClient) -> dict[str, Any]:
    return await log_in(http, *await register(http))


async def id_of(http: AsyncClient, headers: Headers) -> str:
    user_id: str = (await http.get("/v1/auth/me", headers=headers)).json()["user_id"]
    return user_id


async def test_no_route_gives_one_user_what_is_anothers(
    http: AsyncClient, anna: dict[str, Any], berta: dict[str, Any]
) -> None:
    theirs = await id_of(http, bearer(berta))
    mine = bearer(anna)
    for path in (f"/v1/users/{theirs}", "/v1/users", f"/v1/audit?user_id={theirs}"):
        problem(await http.get(path, headers=mine), 403, "role_required")
    disabling = await http.patch(f"/v1/users/{theirs}", json={"disabled": True}, headers=mine)
    problem(disabling, 403, "role_required")
    ended = await http.delete(f"/v1/auth/sessions/{session_of(berta)}", headers=mine)
    problem(ended, 404, "session_not_found")
    listed = (await http.get("/v1/auth/sessions", headers=mine)).json()["items"]
    assert [session_of(anna)] == [session["session_id"] for session in listed]
    assert 200 == (await http.get("/v1/auth/me", headers=bearer(berta))).status_code


async def test_nobody_raises_their_own_role(http: AsyncClient, anna: dict[str, Any], admin: Headers) -> None:
    mine = await id_of(http, bearer(anna))
    change = {"roles": ["USER", "ADMIN"]}
    problem(await http.patch(f"/v1/users/{mine}", json=change, headers=bearer(anna)), 403, "role_required")
    own = await id_of(http, admin)
    for lower in ({"roles": ["USER"]}, {"disabled": True}):
        problem(await http.patch(f"/v1/users/{own}", json=lower, headers=admin), 403, "own_account")
    assert 200 == (await http.get("/v1/users", headers=admin)).status_code


@pytest.mark.parametrize("more", [{"roles": ["ADMIN"]}, {"user_id": "0" * 32}, {"disabled": False}, {"is_admin": True}])
async def test_a_registration_takes_nothing_that_is_not_asked(http: AsyncClient, more: dict[str, Any]) -> None:
    email, password = new_account()
    answer = await http.post("/v1/auth/register", json={"email": email, "password": password, **more})
    problem(answer, 422, "invalid_payload")
    problem(await http.post("/v1/auth/login", json={"email": email, "password": password}), 401, "invalid_credentials")


async def test_an_administrator_gives_a_role_disables_and_finds_it_in_the_log(
    http: AsyncClient, admin: Headers
) -> None:
    account = await register(http)
    before = await log_in(http, *account)
    user_id = await id_of(http, bearer(before))
    changed = await http.patch(f"/v1/users/{user_id}", json={"roles": ["USER", "ADMIN"]}, headers=admin)
    assert ["USER", "ADMIN"] == changed.json()["roles"]
    problem(await http.get("/v1/auth/me", headers=bearer(before)), 401, "session_revoked")
    raised = bearer(await log_in(http, *account))
    assert 200 == (await http.get("/v1/audit", headers=raised)).status_code
    assert (await http.patch(f"/v1/users/{user_id}", json={"disabled": True}, headers=admin)).json()["disabled"]
    problem(await http.get("/v1/audit", headers=raised), 401, "session_revoked")
    email, password = account
    problem(await http.post("/v1/auth/login", json={"email": email, "password": password}), 401, "invalid_credentials")
    log = (await http.get(f"/v1/audit?user_id={user_id}", headers=admin)).json()["items"]
    assert ["login_failed", "disabled", "logged_in", "roles_changed", "logged_in", "registered"] == [
        entry["action"] for entry in log
    ]
    assert {await id_of(http, admin)} == {entry["actor_id"] for entry in log if entry["action"] == "roles_changed"}
    assert {"127.0.0.1"} == {entry["client_address"] for entry in log}
    assert all(entry["request_id"] for entry in log)


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(http: AsyncClient) -> None:
    email, _ = await register(http)
    answers = [
        await http.post("/v1/auth/login", json={"email": one, "password": "not the right one"})
        for one in (email, new_account()[0])
    ]
    said = [problem(answer, 401, "invalid_credentials").model_copy(update={"request_id": None}) for answer in answers]
    assert said[0] == said[1]
    assert answers[0].headers.keys() == answers[1].headers.keys()
