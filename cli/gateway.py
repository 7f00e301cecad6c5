"""How a command asks the gateway as an administrator: over HTTP, as anybody else would."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener, getproxies

import typer

from cli.connection import NOBODY_SERVES, running_stack
from cli.failure import fail
from devstack.state import Admin

_TIMEOUT = 15.0

GatewayOption = Annotated[
    str | None, typer.Option(envvar="MESH_GATEWAY_URL", help="Such as https://mesh.example; else the stack's own.")
]
TokenOption = Annotated[
    str | None, typer.Option(envvar="MESH_TOKEN", help="An administrator's access token; else the stack's admin's.")
]


@dataclass(frozen=True)
class Gateway:
    """A gateway, and a token for it."""

    url: str
    token: str

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # any JSON
        """The answer's JSON; a problem ends the program."""
        try:
            return _ask(self.url, method, path, body, {"Authorization": f"Bearer {self.token}"})
        except _Refused as error:
            fail(str(error))

    def user_id(self, who: str) -> str:
        """The id of the user with the id or the e-mail address; ends the program where there is none."""
        if "@" not in who:
            return who
        found = self.ask("GET", f"/v1/users?email={quote(who)}")["items"]
        if not found:
            fail(f"nobody is registered as {who}")
        user_id: str = found[0]["user_id"]
        return user_id


@contextmanager
def as_administrator(home: Path, gateway: str | None, token: str | None) -> Iterator[Gateway]:
    """The gateway that is named, or that of the stack in `home`, with the token or that of the stack's first admin.

    The latter logs in for as long as it takes.
    """
    stack = None if gateway else running_stack(home)
    url = gateway or (stack.gateway_url if stack else None)
    if url is None:
        fail(f"no mesh runs in {home}: start one with `mesh up`, or name a gateway in MESH_GATEWAY_URL", NOBODY_SERVES)
    if not url.startswith(("http://", "https://")):
        fail(f"{url} is no URL of a gateway")
    if token is not None:
        yield Gateway(url.rstrip("/"), token)
    elif stack is not None:
        asked = Gateway(url, _log_in(url, stack.admin))
        try:
            yield asked
        finally:
            asked.ask("POST", "/v1/auth/logout")
    else:
        fail("an administrator's access token is needed: name one in MESH_TOKEN")


def _log_in(url: str, admin: Admin) -> str:
    try:
        login = {"email": admin.email, "password": admin.password}
        token: str = _ask(url, "POST", "/v1/auth/login", login, {})["access_token"]
    except _Refused as error:
        # Its own words, and what they mean where nobody has typed a password.
        fail(f"{error}: {admin.email} has no longer the password that it was made with? Name a token in MESH_TOKEN")
    return token


class _Refused(Exception):
    """The gateway answers with a problem."""


def _ask(url: str, method: str, path: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
    data = None if body is None else json.dumps(body).encode()
    sent = {**headers, **({"Content-Type": "application/json"} if data else {})}
    try:
        request = Request(url + path, data, sent, method=method)  # noqa: S310  # http or https
        with _direct().open(request, timeout=_TIMEOUT) as answer:
            return json.loads(answer.read() or b"null")
    except HTTPError as error:
        raise _Refused(_problem(error)) from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        fail(f"{url} does not answer: {error}", NOBODY_SERVES)


def _direct() -> OpenerDirector:
    """What opens URLs past `http_proxy`, which would read the password, be it on the way to this very machine."""
    return build_opener(ProxyHandler({scheme: url for scheme, url in getproxies().items() if scheme == "https"}))


def _problem(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return f"{problem['detail']} ({problem['reason']})"
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
