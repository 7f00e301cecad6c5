"""`mesh events dead`: dead letters, the events that a service could not handle."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.columns import print_columns
from cli.connection import HomeOption
from cli.events.reading import existing, jetstream
from cli.events.shown import print_json, print_page
from cli.facts import JsonLinesOption
from cli.failure import fail
from mesh.events.stored import Stored, at, read, read_all
from ops.dead_letters import drop as drop_letter
from ops.dead_letters import retry as retry_letter
from ops.dead_letters import service as service_of
from ops.jetstream import JetStream
from ops.streams import DEAD_STREAM, DEAD_SUBJECTS, dead_subject

dead = typer.Typer(
    name="dead",
    no_args_is_help=True,
    help="List, show, retry and drop dead letters: events that a service could not handle.",
)

_Numbers = Annotated[
    list[int] | None, typer.Argument(min=1, metavar="[NUMBER]...", help="The numbers that `dead ls` shows.")
]
_Service = Annotated[str | None, typer.Option(help="Only dead letters of this service.")]
_All = Annotated[bool, typer.Option("--all", help="All dead letters, or all of --service.")]
_COLUMNS = ("number", "died", "service", "event", "id", "tries", "reason")


@dead.command()
def ls(
    *,
    service: _Service = None,
    most: Annotated[int, typer.Option("--limit", min=1, max=256, help="The most dead letters to list.")] = 100,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List dead letters with their reasons, oldest first."""
    letters = asyncio.run(_some(home, _subject(service), most))
    if as_json:
        for letter in letters:
            print_json(letter)
    else:
        print_columns(_COLUMNS, map(_row, letters), to_the_right=("number", "tries"))


@dead.command()
def show(
    number: Annotated[int, typer.Argument(min=1, help="The number that `dead ls` shows.")],
    *,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print one dead letter with its headers. Exit status: 0, 1 if it is not there, or 3 if no mesh is running."""
    (print_json if as_json else print_page)(asyncio.run(_one(home, number)))


@dead.command()
def retry(
    numbers: _Numbers = None,
    *,
    every: _All = False,
    service: _Service = None,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Send dead letters to their service again, and remove them.

    An event that fails again becomes a dead letter with a new number.
    """
    _check(numbers, service, every=every)
    asyncio.run(_retried(home, numbers, service, _teller("retried", as_json=as_json)))


@dead.command()
def drop(
    numbers: _Numbers = None,
    *,
    every: _All = False,
    service: _Service = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonLinesOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Delete dead letters for good, after asking. Their events are never handled."""
    _check(numbers, service, every=every)
    if not yes:
        everything = f"all dead letters of {service}" if service else "all dead letters"
        what = f"dead letters {', '.join(map(str, numbers))}" if numbers else everything
        typer.confirm(f"Delete {what}?", abort=True, err=True)
    asyncio.run(_dropped(home, numbers, service, _teller("dropped", as_json=as_json)))


def _check(numbers: Sequence[int] | None, service: str | None, *, every: bool) -> None:
    if bool(numbers) == every:
        fail("give the numbers of dead letters, or --all", 2)
    if numbers and service:
        fail("--service needs --all", 2)
    _subject(service)


def _subject(service: str | None) -> str:
    if service is None:
        return DEAD_SUBJECTS
    if not service.isidentifier():
        fail(f"{service!r} is not a service", 2)
    return dead_subject(service)


async def _some(home: Path, subject: str, most: int) -> list[Stored]:
    async with jetstream(home) as asked:
        await existing(asked, DEAD_STREAM)
        return await read(asked.transport, DEAD_STREAM, 1, subject, most)


async def _one(home: Path, number: int) -> Stored:
    async with jetstream(home) as asked:
        await existing(asked, DEAD_STREAM)
        return await _letter(asked, number)


async def _letter(asked: JetStream, number: int) -> Stored:
    found = await at(asked.transport, DEAD_STREAM, number)
    if found is None:
        fail(f"there is no dead letter {number}")
    return found


async def _chosen(asked: JetStream, numbers: Sequence[int] | None, service: str | None) -> AsyncIterator[Stored]:
    """The chosen letters. Letters that arrive meanwhile are left out. If a number is unknown, none is chosen."""
    last = (await existing(asked, DEAD_STREAM)).state.last_seq
    if numbers:
        for letter in [await _letter(asked, number) for number in dict.fromkeys(numbers)]:
            yield letter
        return
    async for letter in read_all(asked.transport, DEAD_STREAM, 1, _subject(service)):
        if letter.sequence > last:
            return
        yield letter


async def _retried(home: Path, numbers: Sequence[int] | None, service: str | None, tell: Callable[[int], None]) -> None:
    async with jetstream(home) as asked:
        async for letter in _chosen(asked, numbers, service):
            await retry_letter(asked, letter)
            tell(letter.sequence)


async def _dropped(home: Path, numbers: Sequence[int] | None, service: str | None, tell: Callable[[int], None]) -> None:
    async with jetstream(home) as asked:
        async for letter in _chosen(asked, numbers, service):
            await drop_letter(asked, letter.sequence)
            tell(letter.sequence)


def _teller(outcome: str, *, as_json: bool) -> Callable[[int], None]:
    def tell(number: int) -> None:
        typer.echo(json.dumps({"number": number, "outcome": outcome}) if as_json else f"{outcome} {number}")

    return tell


def _row(letter: Stored) -> tuple[str, ...]:
    headers = letter.headers
    return (
        str(letter.sequence),
        f"{letter.time:%m-%d %H:%M:%S}",
        service_of(letter),
        headers.get("ce-type", "?"),
        headers.get("ce-id", "?"),
        headers.get("Dead-Attempts", "?"),
        ": ".join(filter(None, (headers.get("Dead-Reason"), headers.get("Dead-Detail")))) or "?",
    )
