"""How a command asks the gateway as an administrator: over HTTP, as anybody else would."""

import json
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import typer

from cli.connection import NOBODY_SERVES
from cli.failure import fail
from devstack.state import read_stack

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
        return _ask(self.url, method, path, body, {"Authorization": f"Bearer {self.token}"})

    def user_id(self, who: str) -> str:
        """The id of the user with the id or the e-mail address; ends the program where there is none."""
        if "@" not in who:
            return who
        found = self.ask("GET", f"/v1/users?email={quote(who)}")["items"]
        if not found:
            fail(f"nobody is registered as {who}")
        user_id: str = found[0]["user_id"]
        return user_id


def as_administrator(home: Path, gateway: str | None, token: str | None) -> Gateway:
    """The gateway that is named, or that of the stack in `home`, with the token or that of the stack's first admin."""
    stack = read_stack(home)
    url = gateway or (stack.gateway_url if stack else None)
    if url is None:
        fail(f"no mesh runs in {home}: start one with `mesh up`, or name a gateway in MESH_GATEWAY_URL", NOBODY_SERVES)
    if not url.startswith(("http://", "https://")):
        fail(f"{url} is no URL of a gateway")
    if token is None and stack is not None and gateway is None:
        login = {"email": stack.admin.email, "password": stack.admin.password}
        token = _ask(url, "POST", "/v1/auth/login", login, {})["access_token"]
    if token is None:
        fail("an administrator's access token is needed: name one in MESH_TOKEN")
    return Gateway(url.rstrip("/"), token)


def _ask(url: str, method: str, path: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
    data = None if body is None else json.dumps(body).encode()
    sent = {**headers, **({"Content-Type": "application/json"} if data else {})}
    try:
        with urlopen(Request(url + path, data, sent, method=method), timeout=_TIMEOUT) as answer:  # noqa: S310  # http(s)
            return json.loads(answer.read() or b"null")
    except HTTPError as error:
        fail(_problem(error))
    except (URLError, OSError, HTTPException, ValueError) as error:
        fail(f"{url} does not answer: {error}", NOBODY_SERVES)


def _problem(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return f"{problem['detail']} ({problem['reason']})"
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
