"""`mesh token`, as somebody with curl meets it."""

import asyncio
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from tests.support.command import Ended, Streams, forked, mesh
from tests.support.http.people import bearer, new_account, register, session_of


class Person:
    """Somebody with an account and a home folder, but no stack in it."""

    def __init__(self, home: Path, url: str, email: str, password: str) -> None:
        self.home = home
        self.email = email
        self.password = password
        self._url = url

    async def token(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
        return await mesh(
            "token", *arguments, "--home", str(self.home), stdin=stdin, MESH_GATEWAY_URL=self._url, **environment
        )

    async def log_in(self) -> str:
        printed = await self.token("--email", self.email, MESH_PASSWORD=self.password)
        assert 0 == printed.code, printed.err
        return printed.out.removesuffix("\n")

    @property
    def kept(self) -> list[dict[str, Any]]:
        read: list[dict[str, Any]] = json.loads((self.home / "sessions.json").read_text())
        return read

    def expire_in(self, seconds: float) -> None:
        """Make the file say that the latest access token ends then."""
        kept = self.kept
        kept[-1]["expires_at"] = time.time() + seconds
        (self.home / "sessions.json").write_text(json.dumps(kept))


@pytest.fixture
async def nancy(stack: Stack, http: AsyncClient, tmp_path: Path) -> Person:
    return Person(tmp_path / "home", stack.state.gateway_url, *await register(http))


async def accepted(http: AsyncClient, token: str) -> str:
    """Whose token it is, for the gateway."""
    response = await http.get("/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert 200 == response.status_code, response.text
    return str(response.json()["email"])


async def test_the_token_is_all_that_is_printed_and_the_session_is_kept_privately(
    http: AsyncClient, nancy: Person
) -> None:
    printed = await nancy.token("--email", nancy.email, stdin=f"{nancy.password}\n".encode())
    assert (0, "", 1) == (printed.code, printed.err, printed.out.count("\n"))
    assert nancy.email == await accepted(http, printed.out.strip())
    again = await nancy.token()
    assert (0, printed.out) == (again.code, again.out), again.err
    file = nancy.home / "sessions.json"
    assert (0o600, 0o700) == (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(nancy.home.stat().st_mode))
    assert nancy.password not in file.read_text()


async def test_the_header_is_one_line_and_json_says_until_when(http: AsyncClient, nancy: Person) -> None:
    token = await nancy.log_in()
    header, shown = await asyncio.gather(nancy.token("--header"), nancy.token("--json"))
    assert f"Authorization: Bearer {token}\n" == header.out
    document = json.loads(shown.out)
    assert (token, "Bearer", nancy.email) == tuple(document[key] for key in ("access_token", "token_type", "email"))
    assert {"access_token", "token_type", "expires_at", "email", "gateway_url"} == document.keys()
    assert document["expires_at"].endswith("+00:00")


async def test_a_token_with_less_than_a_minute_left_is_refreshed(http: AsyncClient, nancy: Person) -> None:
    first = await nancy.log_in()
    nancy.expire_in(61)
    assert first == (await nancy.token()).out.strip()
    nancy.expire_in(59)
    second = (await nancy.token()).out.strip()
    assert first != second
    assert nancy.email == await accepted(http, second)
    assert session_of({"access_token": first}) == session_of({"access_token": second})
    assert second == nancy.kept[-1]["access_token"]


async def test_commands_at_once_refresh_once(nancy: Person) -> None:
    first = await nancy.log_in()
    nancy.expire_in(0)
    several = await asyncio.gather(*(nancy.token() for _ in range(4)))
    assert [0] * 4 == [one.code for one in several]
    tokens = {one.out.strip() for one in several}
    assert (1, False) == (len(tokens), first in tokens)


async def test_a_session_that_ended_elsewhere_is_begun_anew(http: AsyncClient, nancy: Person) -> None:
    token = await nancy.log_in()
    assert 204 == (await http.delete("/v1/auth/sessions", headers=bearer({"access_token": token}))).status_code
    silent = await nancy.token("--email", nancy.email)
    assert (1, "") == (silent.code, silent.out)
    assert f"the session of {nancy.email} has ended\n" in silent.err
    assert "set MESH_PASSWORD" in silent.err
    assert nancy.email == await accepted(http, await nancy.log_in())


async def test_logging_out_ends_the_session_and_forgets_it(http: AsyncClient, nancy: Person) -> None:
    token = await nancy.log_in()
    ended = await nancy.token("--logout")
    assert (0, f"{nancy.email} is logged out\n", []) == (ended.code, ended.out, nancy.kept)
    refused = await http.get("/v1/auth/me", headers=bearer({"access_token": token}))
    assert 401 == refused.status_code
    again = await nancy.token("--logout")
    assert (1, True) == (again.code, "there is no session of anybody" in again.err)


async def test_the_latest_login_counts_unless_an_address_is_given(http: AsyncClient, nancy: Person) -> None:
    first = await nancy.log_in()
    email, password = await register(http)
    await nancy.token("--email", email, MESH_PASSWORD=password)
    assert email == await accepted(http, (await nancy.token()).out.strip())
    assert first == (await nancy.token("--email", nancy.email)).out.strip()


async def test_the_administrator_of_the_stack_needs_no_password(stack: Stack, http: AsyncClient) -> None:
    home = str(stack.state.home)
    printed = await mesh("token", "--admin", MESH_HOME=home)
    assert 0 == printed.code, printed.err
    assert stack.state.admin.email == await accepted(http, printed.out.strip())
    other = await mesh("token", MESH_HOME=home)
    assert (1, True) == (other.code, "give --email" in other.err), other.out
    assert 0 == (await mesh("token", "--admin", "--logout", MESH_HOME=home)).code
    anew = await mesh("token", "--admin", MESH_HOME=home)
    assert stack.state.admin.email == await accepted(http, anew.out.strip())


async def test_what_is_refused_is_one_sentence(nancy: Person) -> None:
    for arguments, password, status, told in (
        (("--email", nancy.email), "wrong, all of it", 1, "invalid_credentials"),
        (("--email", new_account()[0]), "", 1, "a password are required"),
        (("--email", "nobody"), "x", 1, "invalid_payload"),
        ((), "x", 1, "give --email"),
        (("--admin",), "", 1, "needs the stack"),
        (("--admin", "--email", nancy.email), "", 2, "leave out --email"),
        (("--json", "--header"), "", 2, "choose one of"),
        (("--gateway", "ftp://x"), "", 1, "is not the URL"),
        (("--gateway", "http://127.0.0.1:1", "--email", "a@b.c"), "x", 3, "does not answer"),
    ):
        printed = await nancy.token(*arguments, MESH_PASSWORD=password)
        assert (status, "", 1) == (printed.code, printed.out, printed.err.count("\n")), (arguments, printed.err)
        assert told in printed.err
    nowhere = await mesh("token", MESH_HOME=str(nancy.home / "nowhere"))
    assert (3, True) == (nowhere.code, "no mesh runs" in nowhere.err)


async def test_a_file_that_is_damaged_or_open_to_others_is_refused(nancy: Person) -> None:
    await nancy.log_in()
    file = nancy.home / "sessions.json"
    file.chmod(0o666)
    shared = await nancy.token()
    assert (1, True) == (shared.code, "other users can write" in shared.err)
    file.chmod(0o600)
    kept = json.loads(file.read_text())[0]
    for sessions in ([7], [{**kept, "expires_at": float("inf")}], [{**kept, "access_token": "t\n"}]):
        file.write_text(json.dumps(sessions).replace("Infinity", "1e999"))
        damaged = await nancy.token()
        assert (1, f"mesh: {file} is damaged: remove it, and log in again\n") == (damaged.code, damaged.err)


async def test_a_terminal_is_asked_and_shows_no_password(http: AsyncClient, nancy: Person, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    out, err = tmp_path / "out", tmp_path / "err"
    terminal = Path(os.ttyname(theirs))
    os.write(ours, f"{nancy.email}\n".encode())
    running = asyncio.create_task(
        forked(
            ("token", "--home", str(nancy.home)),
            Streams(terminal, out, err),
            tmp_path,
            {"MESH_GATEWAY_URL": str(http.base_url)},
        )
    )
    while "Password: " not in err.read_text() if err.exists() else True:
        await asyncio.sleep(0.02)
    os.write(ours, f"{nancy.password}\n".encode())
    assert 0 == await running, err.read_text()
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(theirs)
    assert err.read_text().startswith("E-mail: Password: ")
    assert nancy.password not in shown + err.read_text()
    assert nancy.email == await accepted(http, out.read_text().strip())


async def test_no_option_takes_a_password(nancy: Person) -> None:
    tried = await nancy.token("--email", nancy.email, "--password", "visible to everybody")
    assert (2, True) == (tried.code, "No such option" in tried.err)
