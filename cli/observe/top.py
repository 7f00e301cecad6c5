"""`mesh top`: the traffic of every process, live."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.columns import print_columns
from cli.connection import HomeOption, running_stack, stack_here
from cli.observe.metrics import scraped
from cli.observe.rates import Rates, rates
from mesh.core.terminal import escaped
from mesh.telemetry.metrics import BOUNDS
from mesh.telemetry.scrape import Scrape

_NUMBERS: Final = ("req/s", "err/s", "p50 ms", "p99 ms", "in flight", "queue", "lag", "CPU %", "MiB")
_TITLES: Final = ("process", "state", *_NUMBERS)
_MIB: Final = 1024 * 1024
_FIRST_BOUND: Final = BOUNDS[0] * 1000
_LAST_BOUND: Final = BOUNDS[-1] * 1000
_STYLES: Final = {"ready": "green", "not ready": "bold yellow", "does not answer": "bold red"}


def top(
    *,
    every: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two readings.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print the figures of one interval, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once, print one JSON document per process.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Show the traffic of every process of `mesh up`, until Ctrl-C. Without a terminal it prints one interval.

    `err/s` counts errors that are the server's fault. Durations are estimated from histograms, whose lowest bucket is
    5 ms. `queue` counts requests that wait for a handler, `lag` durable events that wait for the service.

    Exit status: 0, or 3 if no mesh is running.
    """
    stack_here(home)
    console = Console(highlight=False)
    readings = _readings(home, every)
    if once or as_json or not console.is_terminal:
        _print(next(readings), as_json=as_json)
        return
    with Live(Text(f"reading for {every:g} s"), console=console, screen=True, auto_refresh=False) as live:
        for found in readings:
            live.update(_table(found), refresh=True)


def _readings(home: Path, every: float) -> Iterator[list[Rates]]:
    """The figures of each interval, for as long as the mesh runs."""
    before: dict[str, Scrape | None] | None = None
    while stack := running_stack(home):
        now = scraped(stack.metrics_urls)
        if before is not None:
            yield [rates(name, before.get(name), one) for name, one in now.items()]
        before = now
        time.sleep(every)


def _print(found: Sequence[Rates], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            typer.echo(json.dumps(one.document()))
    else:
        print_columns(_TITLES, map(_row, found), to_the_right=_NUMBERS)


def _table(found: Sequence[Rates]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for title in _TITLES:
        table.add_column(title, justify="right" if title in _NUMBERS else "left", no_wrap=True)
    for one in found:
        name, state, *numbers = map(escaped, _row(one))
        table.add_row(Text(name, "cyan"), Text(state, _STYLES.get(state, "")), *map(Text, numbers))
    return table


def _row(one: Rates) -> tuple[str, ...]:
    return (
        one.process,
        one.state,
        _decimal(one.per_second),
        _decimal(one.errors_per_second),
        _duration(one.p50_ms),
        _duration(one.p99_ms),
        *("" if count is None else str(count) for count in (one.in_flight, one.queue, one.lag)),
        "" if one.cpu_percent is None else f"{one.cpu_percent:.0f}",
        "" if one.memory_bytes is None else f"{one.memory_bytes / _MIB:.0f}",
    )


def _decimal(number: float | None) -> str:
    return "" if number is None else f"{number:.1f}"


def _duration(ms: float | None) -> str:
    if ms is None:
        return ""
    if ms <= _FIRST_BOUND:
        return f"< {_FIRST_BOUND:g}"
    return f"> {_LAST_BOUND:g}" if ms >= _LAST_BOUND else f"{ms:.1f}"
