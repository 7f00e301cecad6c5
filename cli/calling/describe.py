"""`mesh describe`: says all that is declared of one subject, and who serves it now."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.calling.fields import field_rows
from cli.calling.subject import AnySubject, nearest
from cli.columns import print_columns
from cli.connection import HomeOption, asks_somebody, connected
from cli.contracts.declared import DECLARED
from cli.contracts.recording import EXAMPLES
from cli.failure import fail
from devstack.stack.services import ROOT
from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from ops.contracts.document import built
from ops.contracts.examples import endpoint_example, event_example
from ops.contracts.reasons import catalogue, meanings
from ops.contracts.tree import EndpointContract, EventContract

_USAGE: Final = 2
_WITHIN: Final = 0.3
_ERRORS: Final = ROOT / "docs" / "reference" / "errors.md"


def describe(
    subject: AnySubject,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with JSON Schemas.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Show what an endpoint or an event declares: shapes, access, reasons, an example, callers.

    If a mesh runs, it also names the instances that serve the endpoint.

    Exit status: 0, or 2 if there is no such subject.
    """
    contracts = built(DECLARED)
    if endpoint := contracts.endpoints.get(subject):
        about = _endpoint(endpoint, home)
    elif event := contracts.events.get(subject):
        about = _event(event)
    else:
        near = nearest(subject, [*contracts.endpoints, *contracts.events])
        hint = f"did you mean {near}?" if near else "`mesh subjects` lists all"
        fail(f"there is no subject {subject!r}; {hint}", _USAGE)
    if as_json:
        typer.echo(json.dumps(about))
    else:
        _print(about)


def _endpoint(endpoint: EndpointContract, home: Path) -> dict[str, Any]:
    """All that is known of an endpoint."""
    try:
        texts = {name: one.text for name, one in catalogue(DECLARED, meanings(_ERRORS)).items()}
    except ValueError:  # an installation without docs
        texts = {}
    reasons = {name: f"{code}: {texts.get(name, '')}".rstrip(": ") for name, code in endpoint.reasons.items()}
    try:
        example = endpoint_example(EXAMPLES, endpoint.subject)
        shown = {"request": example.request, "reply": example.reply, "http": list(example.routes)}
    except ValueError:
        shown = {"request": None, "reply": None, "http": []}
    return {**asdict(endpoint), "reasons": reasons, "example": shown, "served_by": _served_by(endpoint, home)}


def _event(event: EventContract) -> dict[str, Any]:
    """All that is known of an event."""
    try:
        example = event_example(EXAMPLES, event.subject).payload
    except ValueError:
        example = None
    return {**asdict(event), "example": {"payload": example}}


def _served_by(endpoint: EndpointContract, home: Path) -> list[str] | None:
    """The ids of the instances that serve it and are ready; None if no mesh runs that could tell."""
    return asyncio.run(_instances(endpoint, home)) if asks_somebody(home) else None


async def _instances(endpoint: EndpointContract, home: Path) -> list[str] | None:
    async with connected(home) as transport:
        try:
            found = await ask_all(transport, f"INFO.{endpoint.service}", _WITHIN)
        except MeshError:
            return None
    return [one.id for one in found if one.ready and any(it.subject == endpoint.subject for it in one.endpoints)]


def _print(about: Mapping[str, Any]) -> None:
    shapes = {name: about[name] for name in ("request", "reply", "payload") if name in about}
    first = next(iter(shapes.values()))
    typer.echo(escaped(f"{about['subject']}  {first.get('description', '')}\n", keep="\n"))
    print_columns(("property", "value"), _properties(about))
    for name, schema in shapes.items():
        typer.echo(f"\n{name}: {schema.get('title', '')}")
        if rows := list(field_rows(schema)):
            print_columns(("field", "type", "bounds and meaning"), rows)
    if about.get("reasons"):
        typer.echo("\nreasons")
        print_columns(("reason", "meaning"), about["reasons"].items())
    if (example := about["example"].get("request")) is not None:
        typer.echo(f"\nexample\nmesh call {about['subject']} '{json.dumps(example, ensure_ascii=False)}'")
        typer.echo(json.dumps(about["example"]["reply"], ensure_ascii=False, indent=2))
    elif (example := about["example"].get("payload")) is not None:
        typer.echo(f"\nexample\n{json.dumps(example, ensure_ascii=False, indent=2)}")


def _properties(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "payload" in about:
        return [
            ("published by", about["service"]),
            ("durable", "yes" if about["durable"] else "no"),
            ("handled by", ", ".join(about["handlers"]) or "-"),
            ("heard by", ", ".join(about["hearers"]) or "-"),
        ]
    served = about["served_by"]
    flags = [name for name in ("read", "idempotent", "verified", "keyed") if about[name]]
    return [
        ("access", about["access"]),
        ("is", ", ".join(flags) or "-"),
        ("HTTP", ", ".join(about["example"]["http"]) or "-"),
        ("called by", ", ".join(about["callers"]) or "-"),
        ("deadline", f"{about['timeout_ms'] / 1000:g} s"),
        ("largest request", f"{about['max_request']} bytes"),
        ("contract", about["contract"]),
        ("served by", "no mesh runs" if served is None else ", ".join(served) or "no instance is ready"),
    ]
