"""`mesh users` and `mesh keys`, as an operator meets them."""

import asyncio
import json
import socket
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from devstack.home.state import write_stack
from devstack.stack.stack import Stack
from ops.mailbox import Mailbox
from tests.support.command import mesh
from tests.support.http.mails import mailed_token
from tests.support.http.people import bearer, log_in, new_account, register
from tests.support.http.problems import problem


async def test_users_are_listed_given_roles_disabled_and_enabled(stack: Stack, http: AsyncClient) -> None:
    home = str(stack.state.home)
    email, password = await register(http)
    listed, raised, disabled = await asyncio.gather(
        mesh("users", "list", MESH_HOME=home),
        mesh("users", "set-roles", email, "USER", "ADMIN", MESH_HOME=home),
        mesh("users", "disable", "nobody@northwind.example", MESH_HOME=home),
    )
    assert (0, True, True) == (listed.code, email in listed.out, stack.state.admin.email in listed.out)
    assert (0, f"{email}: USER ADMIN\n") == (raised.code, raised.out)
    assert (1, True) == (disabled.code, "there is no user nobody@northwind.example" in disabled.err)
    assert 0 == (await mesh("users", "disable", email, MESH_HOME=home)).code
    refused = await http.post("/v1/auth/login", json={"email": email, "password": password})
    problem(refused, 401, "invalid_credentials")
    assert 0 == (await mesh("users", "enable", email, MESH_HOME=home)).code
    token = (await log_in(http, email, password))["access_token"]
    own = await mesh("users", "set-roles", email, "USER", MESH_HOME=home, MESH_TOKEN=token)
    assert (1, True) == (own.code, "own_account" in own.err)
    await mesh("users", "set-roles", email, "user", MESH_HOME=home)
    boss = await mesh("users", "set-roles", email, "BOSS", MESH_HOME=home)
    assert (2, True) == (boss.code, "'admin'" in boss.err), boss.err


async def test_a_password_is_reset_by_the_mail_that_the_command_sends(stack: Stack, http: AsyncClient) -> None:
    home = str(stack.state.home)
    email, password = await register(http)
    sent = await mesh("users", "reset-password", email, MESH_HOME=home)
    assert (0, f"{email} gets an e-mail\n") == (sent.code, sent.out), sent.err
    token = await mailed_token(Mailbox(stack.state.home), email)
    confirmed = {"token": token, "new_password": f"{password} and more"}
    reset = await http.post("/v1/auth/password/reset/confirm", json=confirmed)
    assert 204 == reset.status_code, reset.text
    problem(await http.post("/v1/auth/login", json={"email": email, "password": password}), 401, "invalid_credentials")
    await log_in(http, email, f"{password} and more")


async def test_what_became_of_a_user_as_json(stack: Stack, http: AsyncClient) -> None:
    home = str(stack.state.home)
    email, _ = await register(http)
    changes = (("set-roles", email, "USER"), ("reset-password", email), ("disable", email), ("enable", email))

    told = [json.loads((await mesh("users", *words, "--json", MESH_HOME=home)).out) for words in changes]

    assert [(email, ["USER"], off) for off in (False, False, True, False)] == [
        (user["email"], user["roles"], user["disabled"]) for user in told
    ]


async def test_a_command_leaves_no_session(stack: Stack, http: AsyncClient, admin: dict[str, str]) -> None:
    home = str(stack.state.home)
    before = (await http.get("/v1/auth/sessions", headers=admin)).json()["items"]
    await asyncio.gather(
        mesh("users", "disable", "nobody@northwind.example", MESH_HOME=home),
        mesh("users", "list", MESH_HOME=home),
        mesh("keys", "rotate", MESH_HOME=home),
    )
    assert before == (await http.get("/v1/auth/sessions", headers=admin)).json()["items"]


async def test_no_proxy_reads_the_password_on_its_way(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        listed = await mesh("users", "list", MESH_HOME=str(stack.state.home), http_proxy=url, no_proxy="")
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert 0 == listed.code, listed.err


async def test_a_first_admin_with_another_password_is_told_of(stack: Stack, http: AsyncClient, tmp_path: Path) -> None:
    admin = stack.state.admin.model_copy(update={"email": new_account()[0]})
    write_stack(stack.state.model_copy(update={"home": tmp_path, "admin": admin}))
    with (tmp_path / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        listed = await mesh("users", "list", MESH_HOME=str(tmp_path))
    assert (1, True) == (listed.code, "set MESH_TOKEN to an access token" in listed.err), listed.err


async def test_an_administrator_is_made_from_the_shell(stack: Stack, http: AsyncClient) -> None:
    home = str(stack.state.home)
    email, password = new_account()
    made = await mesh("users", "create-admin", email, MESH_HOME=home, AUTH_ADMIN_PASSWORD=password)
    assert (0, f"{email} is an administrator\n") == (made.code, made.out), made.err
    tokens = await log_in(http, email, password)
    assert ["ADMIN"] == (await http.get("/v1/auth/me", headers=bearer(tokens))).json()["roles"]
    again, weak = await asyncio.gather(
        mesh("users", "create-admin", email, MESH_HOME=home, AUTH_ADMIN_PASSWORD=password),
        mesh("users", "create-admin", new_account()[0], MESH_HOME=home, AUTH_ADMIN_PASSWORD="short"),
    )
    assert (1, True) == (again.code, "mesh users set-roles" in again.err)
    assert (1, "mesh: password: must have 15 to 128 characters\n") == (weak.code, weak.err)
    silent = await mesh("users", "create-admin", new_account()[0], MESH_HOME=home)
    assert (1, True) == (silent.code, "set AUTH_ADMIN_PASSWORD" in silent.err), silent.err
    assert 0 == (await mesh("users", "disable", email, MESH_HOME=home)).code


async def test_a_new_administrator_as_json(stack: Stack) -> None:
    email, password = new_account()
    words = ("users", "create-admin", email, "--json")
    made = await mesh(*words, MESH_HOME=str(stack.state.home), AUTH_ADMIN_PASSWORD=password)

    assert {"email": email} == json.loads(made.out)


async def test_keys_are_rotated_from_the_shell(stack: Stack, http: AsyncClient) -> None:
    rotated = await mesh("keys", "rotate", MESH_HOME=str(stack.state.home))
    assert 0 == rotated.code, rotated.err
    kid = rotated.out.split()[0]
    waiting = json.loads((await mesh("keys", "rotate", "--json", MESH_HOME=str(stack.state.home))).out)
    published = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert kid in {key["kid"] for key in published}
    assert (kid, True) == (waiting["kid"], datetime.fromisoformat(waiting["signs_from"]) > datetime.now(UTC))
    refused = await mesh("keys", "rotate", MESH_HOME=str(stack.state.home), MESH_TOKEN="no.token.atall")
    assert (1, True) == (refused.code, "not an access token" in refused.err or "malformed" in refused.err)
