"""`mesh mail`: the mails that the services of this stack have sent."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli.columns import print_columns
from cli.connection import HomeOption
from cli.facts import JsonLinesOption, JsonOption
from cli.failure import fail
from mesh.core.terminal import escaped
from ops.mailbox import MOST, Mail, Mailbox

_LOOK_EVERY = 0.25
_SHOWN = ("From", "To", "Subject", "Date", "Message-ID")
_DEFAULT_LIMIT = 50

mail = typer.Typer(name="mail", help="Show the last 1,000 mails that the services of `mesh up` have sent.")


@mail.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Print each new mail, until Ctrl-C.")] = False,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List the mails, or follow them."""
    if context.invoked_subcommand is not None:
        if as_json:
            fail(f"--json belongs after the subcommand: `mesh mail {context.invoked_subcommand} --json`", 2)
        return
    if follow:
        for one in _followed(Mailbox(home)):
            typer.echo(json.dumps(_document(one)) if as_json else escaped(_line(one)))
    else:
        _list(home, _DEFAULT_LIMIT, as_json=as_json)


@mail.command()
def ls(
    *,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="The most mails to list.")] = _DEFAULT_LIMIT,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List the latest mails, newest last."""
    _list(home, limit, as_json=as_json)


@mail.command()
def show(
    number: Annotated[int, typer.Argument(min=1, help="The number of the mail, as `mesh mail ls` shows it.")],
    *,
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of the text.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print one mail: its headers and its text. Control characters are escaped."""
    found = Mailbox(home).read(number)
    if found is None:
        fail(f"there is no mail {number} in {home / 'mail'}: `mesh mail ls` lists them")
    if as_json:
        headers = {name.lower().replace("-", "_"): found.header(name) for name in _SHOWN}
        document = {**headers, **_document(found), "text": found.body("plain"), "html": found.body("html")}
        typer.echo(json.dumps(document))
        return
    for name in _SHOWN:
        if value := found.header(name):
            typer.echo(escaped(f"{name}: {value}"))
    typer.echo()
    typer.echo(escaped(found.body("html" if html else "plain"), keep="\n"), nl=False)


def _list(home: Path, limit: int, *, as_json: bool) -> None:
    mailbox = Mailbox(home)
    found = [one for number in mailbox.numbers()[-limit:] if (one := mailbox.read(number)) is not None]
    if as_json:
        for one in found:
            typer.echo(json.dumps(_document(one)))
        return
    rows = [(str(one.number), _headers(one)["date"], one.recipients, _headers(one)["subject"]) for one in found]
    print_columns(("number", "date", "to", "subject"), rows, to_the_right=("number",))


def _followed(mailbox: Mailbox) -> Iterator[Mail]:
    """Each mail that is kept from now on."""
    seen = max(mailbox.numbers(), default=0)
    while True:
        for number in mailbox.numbers():
            if number > seen and (one := mailbox.read(number)) is not None:
                seen = number
                yield one
        time.sleep(_LOOK_EVERY)


def _document(one: Mail) -> dict[str, object]:
    return {"number": one.number, "to": one.recipients, **_headers(one)}


def _line(one: Mail) -> str:
    headers = _headers(one)
    return f"{one.number}  {headers['date']}  {one.recipients}  {headers['subject']}"


def _headers(one: Mail) -> dict[str, str]:
    return {"date": one.header("Date"), "subject": one.header("Subject")}
