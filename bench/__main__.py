"""`python -m bench`: measure, and write bench/results/latest.json, latest.md and latest.svg."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import BenchError
from bench.load import check_tools
from bench.machine import describe
from bench.parts import PARTS, Bench, measure
from bench.plot import draw
from bench.progress import show
from bench.reporting.report import markdown
from bench.reporting.results import Results, Section

_RESULTS = Path(__file__).parent / "results"


def main(
    *,
    full: Annotated[bool, typer.Option("--full", help="All parts, peers and rounds: half an hour.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PART", help=f"Only these parts: {', '.join(PARTS)}.")
    ] = None,
    home: Annotated[Path, typer.Option(help="Data and logs.")] = Path("dist") / "bench",
    out: Annotated[Path, typer.Option(help="Where latest.* go.")] = _RESULTS,
) -> None:
    """Compare the system with its peers on this machine."""
    unknown = set(only or []) - set(PARTS)
    if unknown:
        raise typer.BadParameter(f"there is no part {', '.join(sorted(unknown))}")
    begun = datetime.now(UTC)
    bench = Bench(home=home.absolute(), full=full, only=tuple(only or ()))
    results = Results(
        form="full" if full else "short",
        begun=begun.isoformat(timespec="minutes"),
        machine={},
        missing={},
        sections=[],
    )

    def keep(section: Section) -> None:  # after each part: whoever ends the run has what it came to
        results.sections.append(section)
        results.machine = describe()  # by now everything is built that it names
        _write(results, out)

    try:
        check_tools()
    except BenchError as error:
        sys.exit(f"bench: {error}")
    results.missing |= asyncio.run(measure(bench, keep))
    _write(results, out)
    sys.stdout.write(markdown(results))
    show(f"{(datetime.now(UTC) - begun).seconds} s; in {out}: latest.json, latest.md, latest.svg")
    if any(name in results.missing for name in bench.parts):
        sys.exit("bench: not every part could be measured")


def _write(results: Results, out: Path) -> None:
    out.mkdir(exist_ok=True)
    (out / "latest.json").write_text(results.model_dump_json(indent=1) + "\n")
    (out / "latest.md").write_text(markdown(results))
    draw(results, out / "latest.svg")


typer.run(main)
