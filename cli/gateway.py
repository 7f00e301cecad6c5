"""How a command calls the gateway as an administrator: over HTTP, like any client."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Annotated, TypeVar, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener, getproxies

import typer
from pydantic import BaseModel, Field

from cli.connection import NOBODY_SERVES, running_stack
from cli.failure import fail
from contracts.auth import Tokens, UserPage
from devstack.home.state import Admin, StackState
from mesh.core.endpoint import MAX_LIST_REPLY
from mesh.core.reading import Reader, Unreadable
from mesh.core.settings import DAY
from mesh.wire.problem import MAX_PROBLEM

_TIMEOUT = 15.0
_MAX_ANSWER = 2 * MAX_LIST_REPLY
_LONGEST = 100 * 365 * DAY
VISIBLE = "^[!-~]+$"
"""What an access token consists of: visible ASCII."""


Shape = TypeVar("Shape", bound=BaseModel)

GatewayOption = Annotated[
    str | None, typer.Option(envvar="MESH_GATEWAY_URL", help="URL of the gateway. Default: that of the running stack.")
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        envvar="MESH_TOKEN",
        help="An administrator's access token. Default: logs in as the stack's first administrator.",
    ),
]


class UsableTokens(Tokens):
    """Tokens that fit into a header, and that end within a lifetime."""

    access_token: Annotated[str, Field(repr=False, pattern=VISIBLE)]
    expires_in: Annotated[int, Field(ge=0, le=_LONGEST)]


@dataclass(frozen=True)
class Gateway:
    """A gateway, with a token for it."""

    url: str
    token: str

    def ask(self, shape: type[Shape], method: str, path: str, body: object = None) -> Shape:
        """The gateway's response. An error or an invalid response ends the program."""
        try:
            return ask(self.url, method, path, shape, body=body, token=self.token)
        except Refused as error:
            fail(str(error))

    def tell(self, method: str, path: str, body: object = None) -> None:
        """Send a request whose response has no body. An error ends the program."""
        self.ask(Nothing, method, path, body)

    def user_id(self, who: str) -> str:
        """The id of the user with this id or e-mail address. Ends the program if there is none."""
        if "@" not in who:
            return who
        found = self.ask(UserPage, "GET", f"/v1/users?email={quote(who)}").items
        if not found:
            fail(f"there is no user {who}")
        return found[0].user_id


@contextmanager
def as_administrator(home: Path, gateway: str | None, token: str | None) -> Iterator[Gateway]:
    """Use the given gateway and token. Defaults: the stack in `home`, and a login as its first administrator.

    That login is repeated for as long as it takes.
    """
    url, stack = find_gateway(home, gateway)
    if token is not None:
        yield Gateway(url, token)
    elif stack is not None:
        asked = Gateway(url, _log_in(url, stack.admin))
        try:
            yield asked
        finally:
            asked.tell("POST", "/v1/auth/logout")
    else:
        fail("an administrator's access token is required: set MESH_TOKEN")


def find_gateway(home: Path, gateway: str | None) -> tuple[str, StackState | None]:
    """The URL of the gateway, without a slash at its end, and the stack in `home` unless `gateway` names another.

    Ends the program if there is neither.
    """
    stack = None if gateway else running_stack(home)
    url = gateway or (stack.gateway_url if stack else None)
    if url is None:
        fail(f"no mesh runs in {home}: start one with `mesh up`, or set MESH_GATEWAY_URL", NOBODY_SERVES)
    if not url.startswith(("http://", "https://")):
        fail(f"{url} is not the URL of a gateway")
    return url.rstrip("/"), stack


def log_in(url: str, email: str, password: str) -> UsableTokens:
    """Start a session. Raises Refused."""
    return ask(url, "POST", "/v1/auth/login", UsableTokens, body={"email": email, "password": password})


def _log_in(url: str, admin: Admin) -> str:
    try:
        return log_in(url, admin.email, admin.password).access_token
    except Refused as error:
        # The gateway's own text, and what it means for a login without a typed password.
        fail(f"{error}: if the password of {admin.email} has changed, set MESH_TOKEN to an access token")


class Refused(Exception):
    """The gateway responds with a problem document."""

    def __init__(self, message: str, status: int) -> None:
        """The detail and reason of the problem, and the status of the response."""
        super().__init__(message)
        self.status = status


class Nothing(BaseModel):
    """A response without a body."""


class _Problem(BaseModel):
    """The title and detail of a problem document (RFC 9457)."""

    detail: str
    reason: str


def ask(
    url: str, method: str, path: str, shape: type[Shape], *, body: object = None, token: str | None = None
) -> Shape:
    """The response of a gateway. Raises Refused for an error. No response or an invalid one ends the program."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if data else {}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    try:
        request = Request(url + path, data, sent, method=method)  # noqa: S310  # http or https
        with _direct().open(request, timeout=_TIMEOUT) as answer:
            said = _whole(answer, _MAX_ANSWER) or b"{}"
    except HTTPError as error:
        raise Refused(_problem(error), error.code) from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        fail(f"{url} does not answer: {error}", NOBODY_SERVES)
    try:
        return Reader(shape, _MAX_ANSWER)(said)
    except Unreadable as error:
        fail(f"{url} sent an invalid response: {error}")


def _whole(answer: HTTPResponse, most: int) -> bytes:
    """The body, or its beginning if it has more than `most` bytes. Raises TimeoutError if it comes too slowly."""
    end = time.monotonic() + _TIMEOUT
    said = b""
    while len(said) <= most and (piece := answer.read1(most + 1 - len(said))):
        said += piece
        if time.monotonic() >= end:
            raise TimeoutError("its response takes too long")
    return said


def _direct() -> OpenerDirector:
    """Opens URLs without `http_proxy`: a proxy would read the password, even for this machine."""
    return build_opener(ProxyHandler({scheme: url for scheme, url in getproxies().items() if scheme == "https"}))


def _problem(error: HTTPError) -> str:
    try:
        problem = Reader(_Problem, MAX_PROBLEM)(_whole(cast("HTTPResponse", error.fp), MAX_PROBLEM))
    except (Unreadable, OSError, HTTPException):
        return f"HTTP {error.code}"
    return f"{problem.detail} ({problem.reason})"
