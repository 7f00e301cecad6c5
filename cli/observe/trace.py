"""`mesh trace`: shows every step of one request as a waterfall."""

import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from pydantic import BaseModel, ValidationError

from cli.columns import print_columns
from cli.connection import HomeOption
from cli.facts import JsonOption
from cli.failure import fail
from cli.observe.console_api import ConsoleApi
from mesh.core.terminal import escaped

_LOOK_EVERY: Final = 0.25
_BAR: Final = 32
_DEEPEST: Final = 12
_WIDE: Final = 100
"""Columns of a terminal from which on the bars are wider."""


class Step(BaseModel):
    """One span. Times are milliseconds."""

    span_id: str
    parent_id: str
    name: str
    service: str
    error: str
    after_ms: float
    ms: float
    links: tuple[str, ...] = ()


class Waterfall(BaseModel):
    """What the console says of one request."""

    trace_id: str
    request_id: str
    name: str
    status: str | int
    ms: float
    dropped: int
    steps: tuple[Step, ...]
    logs: tuple[Mapping[str, Any], ...]


def trace(
    any_id: Annotated[str, typer.Argument(metavar="ID", help="A request id (X-Request-Id) or a trace id.")],
    *,
    wait: Annotated[
        float, typer.Option(min=0, max=60, help="Seconds to wait for it: processes send their steps twice a second.")
    ] = 2,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Show every step of one request of `mesh up`, from HTTP to the events that followed, with its log lines.

    The console keeps the steps of the newest requests in memory.

    Exit status: 0, 1 if the console does not have it, or 3 if no console is running.
    """
    document = _found(ConsoleApi(home), any_id, wait)
    if as_json:
        typer.echo(json.dumps(document))
        return
    try:
        show(Waterfall.model_validate(document))
    except ValidationError:
        fail("the console's answer cannot be read: it has another version")


def _found(asked: ConsoleApi, any_id: str, wait: float) -> object:
    """The request as JSON. It may arrive within the next seconds."""
    end = time.monotonic() + wait
    while (document := asked.ask(f"/api/traces/{quote(any_id, safe='')}")) is None:
        if time.monotonic() >= end:
            fail(
                f"the console has no steps of {any_id}. It forgets the oldest (CONSOLE_SPANS), and a gateway traces "
                f"a sample of busy traffic (TRACE_MOST_PER_SECOND). `mesh logs --request {any_id}` reads the logs"
            )
        time.sleep(_LOOK_EVERY)
    return document


def show(found: Waterfall) -> None:
    """Print the waterfall, and the log lines below it."""
    typer.echo(escaped(f"{found.name}  {found.status}  {found.ms:.1f} ms"))
    typer.echo(escaped(f"request {found.request_id or '-'}  trace {found.trace_id}"))
    typer.echo()
    end = max((one.after_ms + one.ms for one in found.steps), default=0.0)
    rows = [
        (
            one.service,
            f"{'  ' * depth}{one.name}",
            _bar(one, end),
            f"{one.ms:.2f}",
            f"failed: {one.error}" * bool(one.error),
        )
        for one, depth in _tree(found.steps)
    ]
    print_columns(("service", "step", f"0 to {end:.1f} ms", "ms", ""), rows, to_the_right=("ms",))
    if found.dropped:
        typer.echo(f"{found.dropped} more steps were not kept")
    for line in found.logs:
        typer.echo(escaped(f"{line.get('level', ''):8} {line.get('service', '')}  {line.get('event', '')}"))


def _tree(steps: Sequence[Step]) -> Iterator[tuple[Step, int]]:
    """Each step with its depth: children below their parent, and what follows from a step below that step."""
    known = {one.span_id for one in steps}
    below: dict[str, list[Step]] = {}
    for one in steps:
        above = next((link for link in (one.parent_id, *one.links) if link in known and link != one.span_id), "")
        below.setdefault(above, []).append(one)
    waiting = [(one, 0) for one in reversed(below.pop("", []))]
    while waiting:
        one, depth = waiting.pop()
        yield one, min(depth, _DEEPEST)
        waiting += [(child, depth + 1) for child in reversed(below.pop(one.span_id, []))]


def _bar(step: Step, end: float) -> str:
    width = _BAR * 2 if shutil.get_terminal_size().columns >= 2 * _WIDE else _BAR
    if not end:
        return ""
    start = min(int(step.after_ms / end * width), width - 1)
    length = max(1, min(round(step.ms / end * width), width - start))
    full = "█" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"
    return " " * start + full * length
