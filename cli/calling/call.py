"""`mesh call`: sends one request on a subject, and validates it against the contract first."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.highlighter import JSONHighlighter

from cli.calling.arguments import payload
from cli.calling.repeating import Figures, repeated
from cli.calling.subject import EndpointSubject, endpoint_of, nearest
from cli.columns import print_columns
from cli.connection import DEADLINE, NOBODY_SERVES, HomeOption, connected
from cli.failure import fail
from mesh.core.context import request_id_from
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Code, DeadlineExceeded, Invalid, MeshError, NoResponder, Refused
from mesh.core.reading import Unreadable
from mesh.core.terminal import escaped
from mesh.transport.base import Message, Transport
from mesh.wire import names, request_headers, validation
from mesh.wire.json_text import require_unique_names
from subjects import ENDPOINTS

_USAGE = 2
_PROBLEM = 1
_TIMEOUT = 5.0


def call(  # its options
    subject: EndpointSubject,
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARGUMENTS",
            help="Fields such as customer_id=ALFKI, or one JSON text; := takes JSON. - reads standard input.",
        ),
    ] = None,
    *,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, max=3600, help="Seconds to wait. Default: the endpoint's timeout.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="MESH_TOKEN", help="An access token to send with the request.")
    ] = None,
    check: Annotated[bool, typer.Option(help="Validate payload and reply against the contract.")] = True,
    repeat: Annotated[
        int | None,
        typer.Option(min=1, max=10_000_000, help="Send it this many times, and print figures instead of replies."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Requests in flight with --repeat.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures of --repeat as JSON.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Send a request and print the reply. Errors go to standard error.

    Exit status: 0 reply, 1 error, 2 invalid command, 3 no worker serves the subject or no mesh is running,
    4 no reply in time. With --repeat: 0 if every request got a reply, otherwise 1.
    """
    endpoint = _endpoint(subject, must_exist=check)
    body = payload(given or (), endpoint)
    if endpoint and check:
        _check(endpoint, body)
    request = _Request(subject, body, timeout or (endpoint.timeout if endpoint else _TIMEOUT), token)
    if repeat is not None:
        figures = asyncio.run(_figures(request, home, repeat, concurrency))
        _print_figures(figures, as_json=as_json)
        raise typer.Exit(_PROBLEM if figures.failures else 0)
    _print(asyncio.run(_reply(request, home)), endpoint if check else None)


@dataclass(frozen=True)
class _Request:
    """What is sent, each time with a new request id and deadline."""

    subject: str
    body: bytes
    timeout: float
    token: str | None

    async def send(self, transport: Transport) -> Message:
        headers = {
            names.REQUEST_ID: request_id_from(None),
            **request_headers.deadline_headers(self.timeout, time.time()),
        }
        if self.token is not None:
            headers[names.AUTHORIZATION] = f"Bearer {self.token.removeprefix('Bearer ')}"
        return await transport.request(self.subject, self.body, headers, self.timeout)


def _endpoint(subject: str, *, must_exist: bool) -> Endpoint[Any, Any] | None:
    if not is_subject(subject):
        fail(f"{subject!r} is not a valid subject", _USAGE)
    endpoint = endpoint_of(subject)
    if endpoint is None and must_exist:
        near = nearest(subject, (one.subject for one in ENDPOINTS))
        hint = f"did you mean {near}?" if near else "`mesh subjects` lists all; --no-check sends it anyway"
        fail(f"there is no subject {subject!r}; {hint}", _USAGE)
    return endpoint


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


async def _reply(request: _Request, home: Path) -> Message:
    async with connected(home) as transport:
        try:
            return await request.send(transport)
        except NoResponder as error:
            fail(str(error), NOBODY_SERVES)
        except DeadlineExceeded as error:
            fail(str(error), DEADLINE)
        except Refused as error:
            fail(f"{error}: an operator may only read; use HTTP to change data", _PROBLEM)
        except MeshError as error:
            fail(str(error), _PROBLEM)


async def _figures(request: _Request, home: Path, times: int, at_once: int) -> Figures:
    async with connected(home) as transport:

        async def send() -> str | None:
            try:
                reply = await request.send(transport)
            except MeshError as error:
                return str(error)
            return _reason(reply)

        return await repeated(send, times, at_once)


def _reason(reply: Message) -> str | None:
    """Why a reply is an error; None if it is none."""
    number = reply.headers.get(names.ERROR_CODE)
    if number is None:
        return None
    with suppress(ValueError, RecursionError, AttributeError):
        if isinstance(reason := json.loads(reply.payload).get("reason"), str):
            return reason
    return _from_headers(number, reply.headers).decode()


def _print_figures(figures: Figures, *, as_json: bool) -> None:
    document = figures.document()
    if as_json:
        typer.echo(json.dumps(document))
        return
    rows = [(name, "" if value is None else str(value)) for name, value in document.items() if name != "by_error"]
    rows += [(f"error: {error[:200]}", str(count)) for error, count in figures.failures.most_common()]
    print_columns(("", "value"), rows, to_the_right=("value",))


def _print(reply: Message, endpoint: Endpoint[Any, Any] | None) -> None:
    """Print a reply. An error ends the program."""
    number = reply.headers.get(names.ERROR_CODE)
    if number is not None:
        print_body(Console(stderr=True), reply.payload or _from_headers(number, reply.headers))
        raise typer.Exit(DEADLINE if number == str(Code.DEADLINE_EXCEEDED.number) else _PROBLEM)
    print_body(Console(), reply.payload)
    if endpoint:
        _warn_of_misfit(endpoint, reply.payload)


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
