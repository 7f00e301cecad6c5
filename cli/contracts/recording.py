"""`mesh contracts record`: what each consumer sends and reads, in Pact's format."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.connection import expanded
from cli.contracts.declared import DECLARED
from cli.contracts.generating import FOLDER
from cli.contracts.openapi import printed
from cli.facts import JsonOption, tell_files
from cli.failure import fail
from devstack.stack.services import ROOT
from ops.contracts.document import as_text
from ops.contracts.examples import in_checkout
from ops.contracts.pacts.recording import Reads, calls, of_contracts, recorded

PACTS: Final = FOLDER / "consumers"
EXAMPLES: Final = in_checkout(ROOT)
USAGE: Final = 2
_GATEWAY: Final = "gateway"

ConsumersOption = Annotated[
    list[str] | None, typer.Option("--consumer", metavar="NAME", help="Only this consumer. Repeatable.")
]


def record(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", callback=expanded, help="The folder of the pacts.", show_default=False)
    ] = PACTS,
    *,
    consumers: ConsumersOption = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a file is out of date.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write what each consumer sends and reads, as pacts: docs/contracts/consumers, or DIR.

    One Pact V4 file for each consumer and service, such as gateway/customers.json. The requests are those of the
    golden examples. The fields are those that the consumer requires of a reply: the gateway's HTTP schemas, a worker's
    models.

    Exit status: 0, 1 if a file is out of date, 2 for an unknown consumer or an unreadable example.
    """
    names = list(dict.fromkeys(consumers or (row.name for row in DECLARED.processes)))
    try:
        files = {Path(name) / f"{provider}.json": pact for name in names for provider, pact in _pacts(name).items()}
    except ValueError as error:
        fail(str(error), USAGE)
    try:
        stale = _written({path: as_text(pact) for path, pact in files.items()}, folder, names, check=check)
    except OSError as error:
        fail(f"{folder}: {error}", USAGE)
    tell_files(stale, "mesh contracts record", check=check, as_json=as_json)


def _pacts(consumer: str) -> dict[str, Any]:
    """The consumer's pacts by service. Raises ValueError."""
    calls(DECLARED, consumer)  # an unknown one is refused before the gateway is built
    reads: Reads = _of_gateway() if consumer == _GATEWAY else of_contracts(DECLARED, consumer)
    return recorded(DECLARED, consumer, reads, EXAMPLES)


def _of_gateway() -> Reads:
    found: Reads = json.loads(printed("gateway.reads"))
    return found


def _written(files: Mapping[Path, str], folder: Path, consumers: list[str], *, check: bool) -> list[str]:
    """The files that were out of date, or that should not be there. Raises OSError."""
    stale = []
    for path, text in files.items():
        place = folder / path
        if not (place.is_file() and place.read_bytes() == text.encode()):
            stale.append(str(path))
            if not check:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8", newline="\n")
    kept = {folder / path for path in files}
    for place in sorted(one for name in consumers for one in (folder / name).glob("*.json") if one not in kept):
        stale.append(str(place.relative_to(folder)))
        if not check:
            place.unlink()
    return stale
