"""`mesh contracts verify`: which consumers would break on what runs, and why."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.columns import print_columns
from cli.connection import HomeOption, expanded
from cli.contracts.recording import PACTS, USAGE, ConsumersOption
from cli.contracts.replaying import access_of, answers
from cli.facts import JsonOption
from cli.failure import fail
from ops.contracts.pacts.judging import Outcome, ToolError, Verdict, judged
from ops.contracts.pacts.reading import Interaction, read_pacts

_GATEWAY: Final = "gateway"


def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", callback=expanded, help="The folder of the pacts.", show_default=False)
    ] = PACTS,
    *,
    consumers: ConsumersOption = None,
    providers: Annotated[
        list[str] | None, typer.Option("--provider", metavar="NAME", help="Only this service. Repeatable.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="MESH_TOKEN", help="An administrator's access token, where NATS_URL is set.")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Replay recorded pacts against whatever serves their subjects, and say which consumers would break.

    It registers accounts and writes rows: use databases that may be thrown away. Each request is sent as its consumer's
    NATS user. With NATS_URL set, all are sent as the environment's user: the consumer's, or the gateway's for several.

    Exit status: 0, 1 if a consumer would break, 2 if the pacts cannot be read or the requests cannot be sent, or 3 if
    no mesh is running.
    """
    named = frozenset(consumers or ())
    try:
        interactions = chosen(folder, named, frozenset(providers or ()))
        user = next(iter(named)) if len(named) == 1 else _GATEWAY
        verdicts = judged(asyncio.run(answers(interactions, access_of(home, user, token))))
    except (ValueError, ToolError) as error:
        fail(str(error), USAGE)
    report(verdicts, as_json=as_json)


def chosen(folder: Path, consumers: frozenset[str], providers: frozenset[str]) -> list[Interaction]:
    """The interactions of these consumers with these services; no names mean all. Raises ValueError."""
    pacts = [one for one in read_pacts(folder, consumers) if not providers or one.provider in providers]
    if unknown := providers - {one.provider for one in pacts}:
        raise ValueError(f"{folder} has no pact with {', '.join(sorted(unknown))}")
    return [interaction for pact in pacts for interaction in pact.interactions]


def report(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    """Print the verdicts. Ends the program with status 1 if a consumer would break."""
    counts = Counter(one.outcome for one in verdicts)
    if as_json:
        total = {outcome.value: counts[outcome] for outcome in Outcome}
        typer.echo(json.dumps({**total, "verdicts": [asdict(one) for one in verdicts]}, indent=2))
    else:
        told = [one for one in verdicts if one.outcome is not Outcome.KEPT]
        if told:
            rows = [(one.outcome.value, one.consumer, one.sentence) for one in told]
            print_columns(("outcome", "consumer", "why"), rows)
        typer.echo(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome))
    if counts[Outcome.BROKEN]:
        raise typer.Exit(1)
    if not counts[Outcome.KEPT]:
        fail("nothing was verified", USAGE)
