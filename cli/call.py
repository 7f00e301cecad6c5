"""`mesh call`: sends one request on a subject, and validates it against the contract first."""

import asyncio
import difflib
import json
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.highlighter import JSONHighlighter

from cli.connection import DEADLINE, NOBODY_SERVES, HomeOption, connected
from cli.failure import fail
from mesh.core.context import request_id_from
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Code, DeadlineExceeded, Invalid, MeshError, NoResponder, Refused
from mesh.core.reading import Unreadable
from mesh.core.terminal import escaped
from mesh.transport.base import Message
from mesh.wire import names, request_headers, validation
from mesh.wire.json_text import require_unique_names
from subjects import ENDPOINTS

_USAGE = 2
_PROBLEM = 1
_TIMEOUT = 5.0


def call(
    subject: Annotated[str, typer.Argument(help="For example customers.get. `mesh subjects` lists all.")],
    payload: Annotated[str, typer.Argument(metavar="JSON", help="The arguments. - reads standard input.")] = "{}",
    *,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, max=3600, help="Seconds to wait. Default: the endpoint's timeout.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="MESH_TOKEN", help="An access token to send with the request.")
    ] = None,
    check: Annotated[bool, typer.Option(help="Validate payload and reply against the contract.")] = True,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Send a request and print the reply. Errors go to standard error.

    Exit status: 0 reply, 1 error, 2 invalid command, 3 no worker serves the subject or no mesh is running,
    4 no reply in time.
    """
    body = sys.stdin.buffer.read() if payload == "-" else payload.encode(errors="surrogateescape")
    endpoint = _endpoint(subject, must_exist=check)
    if endpoint and check:
        _check(endpoint, body)
    seconds = timeout or (endpoint.timeout if endpoint else _TIMEOUT)
    reply = asyncio.run(_request(subject, body, seconds, token, home))
    number = reply.headers.get(names.ERROR_CODE)
    if number is not None:
        print_body(Console(stderr=True), reply.payload or _from_headers(number, reply.headers))
        raise typer.Exit(DEADLINE if number == str(Code.DEADLINE_EXCEEDED.number) else _PROBLEM)
    print_body(Console(), reply.payload)
    if endpoint and check:
        _warn_of_misfit(endpoint, reply.payload)


def _endpoint(subject: str, *, must_exist: bool) -> Endpoint[Any, Any] | None:
    by_subject = {endpoint.subject: endpoint for endpoint in ENDPOINTS}
    if not is_subject(subject):
        fail(f"{subject!r} is not a valid subject", _USAGE)
    if subject not in by_subject and must_exist:
        near = difflib.get_close_matches(subject, by_subject, n=1)
        hint = f"did you mean {near[0]}?" if near else "`mesh subjects` lists all; --no-check sends it anyway"
        fail(f"there is no subject {subject!r}; {hint}", _USAGE)
    return by_subject.get(subject)


def is_subject(text: str) -> bool:
    """Whether a message may be sent on this subject: tokens between dots, without wildcards."""
    return all(word.isprintable() and " " not in word and word not in {"", "*", ">"} for word in text.split("."))


def _check(endpoint: Endpoint[Any, Any], body: bytes) -> None:
    try:
        require_unique_names(body, endpoint.requests.validate_json(body or b"{}"))
    except (ValidationError, Invalid) as error:
        invalid = error if isinstance(error, Invalid) else validation.invalid_payload(error, body)
        lines = [f"{endpoint.subject}: {invalid.detail} (--no-check sends it anyway)"]
        lines += [f"  {one.field or '(payload)'}: {one.message}" for one in invalid.errors]
        fail("\n".join(lines), _USAGE)


async def _request(subject: str, body: bytes, timeout: float, token: str | None, home: Path) -> Message:
    headers = {names.REQUEST_ID: request_id_from(None), **request_headers.deadline_headers(timeout, time.time())}
    if token is not None:
        headers[names.AUTHORIZATION] = f"Bearer {token.removeprefix('Bearer ')}"
    async with connected(home) as transport:
        try:
            return await transport.request(subject, body, headers, timeout)
        except NoResponder as error:
            fail(str(error), NOBODY_SERVES)
        except DeadlineExceeded as error:
            fail(str(error), DEADLINE)
        except Refused as error:
            fail(f"{error}: an operator may only read; use HTTP to change data", _PROBLEM)
        except MeshError as error:
            fail(str(error), _PROBLEM)


def _from_headers(number: str, headers: Mapping[str, str]) -> bytes:
    """The error in the headers, for a reply without a body."""
    return f"{number} {headers.get(names.ERROR, '')}".rstrip().encode()


def _warn_of_misfit(endpoint: Endpoint[Any, Any], body: bytes) -> None:
    try:
        endpoint.read_reply(body)
    except Unreadable as misfit:
        typer.secho(f"mesh: the reply does not fit the contract: {misfit}", fg=typer.colors.YELLOW, err=True)


def print_body(console: Console, body: bytes) -> None:
    """Print the body unchanged for programs. On a terminal indent JSON, and escape what would control the terminal."""
    text = body.decode(errors="replace")
    if not console.is_terminal:
        typer.echo(text, err=console.stderr)
        return
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    console.print(JSONHighlighter()(escaped(text, keep="\n")), soft_wrap=True)
