"""`mesh logs`: reads the logs of all processes of a home as one."""

import time
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from cli.connection import HomeOption
from cli.events.moments import moment
from cli.failure import fail
from cli.observe.log_file import LogFile
from cli.observe.log_line import LEVELS, Line, Wanted, shown
from devstack.processes.program import kind_of
from mesh.core.terminal import escaped
from services import BY_NAME

_LOOK_EVERY: Final = 0.2
_DEFAULT_LINES: Final = 100
_OURS: Final = {*BY_NAME, "console"}
"""What writes our log lines. Servers write their own, and are shown when they are asked for."""

Level = Literal["debug", "info", "warning", "error"]


def logs(
    service: Annotated[
        str | None,
        typer.Argument(help="A service, or one process such as customers-2, postgres. Default: every service."),
    ] = None,
    *,
    request: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the lines of this request id or trace id.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="An age such as 15m, 1h or 2d, or a time of RFC 3339."),
    ] = None,
    level: Annotated[Level, typer.Option(help="The least severe level.")] = "debug",
    lines: Annotated[int, typer.Option(min=0, max=1_000_000, help="The most lines to begin with.")] = _DEFAULT_LINES,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print each new line, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the name of the process.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print the latest log lines of a home's processes, oldest first. The mesh may have ended.

    Exit status: 0, 1 if there is no such log, or 3 if no mesh has run in the home.
    """
    wanted = Wanted(request or "", since.timestamp() if since else 0.0, LEVELS[level])
    files = _files(home, service)
    found = list(merge(*(one.latest(wanted, lines) for one in files), key=lambda line: line.at))
    for line in found[len(found) - min(lines, len(found)) :]:
        _print(line, as_json=as_json)
    if follow:
        for line in _followed(home, service, files, wanted):
            _print(line, as_json=as_json)


def _files(home: Path, service: str | None) -> list[LogFile]:
    """The logs that are asked for. Ends the program if there is none."""
    paths = sorted((home / "logs").glob("*.log"))
    if not paths:
        fail(f"no mesh has run in {home}: start one with `mesh up`", 3)
    asked = [path for path in paths if _is_asked(path.stem, service)]
    if not asked:
        fail(f"there is no log of {service}: {', '.join(path.stem for path in paths)}")
    return [LogFile(path) for path in asked]


def _is_asked(name: str, service: str | None) -> bool:
    return kind_of(name) in _OURS if service is None else service in (name, kind_of(name))


def _followed(home: Path, service: str | None, files: list[LogFile], wanted: Wanted) -> Iterator[Line]:
    """Each new line. A process that starts later is followed too."""
    known = {one.path for one in files}
    while True:
        new = [path for path in sorted((home / "logs").glob("*.log")) if path not in known]
        known.update(new)
        files += [LogFile(path) for path in new if _is_asked(path.stem, service)]
        yield from merge(*(islice(one.new(wanted), 10_000) for one in files), key=lambda line: line.at)
        time.sleep(_LOOK_EVERY)


def _print(line: Line, *, as_json: bool) -> None:
    typer.echo(escaped(line.document() if as_json else shown(line), keep="\t"))
