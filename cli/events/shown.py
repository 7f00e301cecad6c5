"""Shows a stored message as a line, a page or a JSON document."""

import base64
import json
from contextlib import suppress
from typing import Any

import typer

from mesh.core.terminal import escaped
from mesh.events.stored import Stored

_SHORT = 200


def document(message: Stored) -> dict[str, Any]:
    """The message as JSON. The payload is `data`, or `data_base64` if it is not JSON."""
    shown: dict[str, Any] = {
        "sequence": message.sequence,
        "subject": message.subject,
        "time": message.time.isoformat(),
        "headers": dict(message.headers),
    }
    try:
        return {**shown, "data": json.loads(message.payload)}
    except (ValueError, RecursionError):
        return {**shown, "data_base64": base64.b64encode(message.payload).decode()}


def print_json(message: Stored) -> None:
    """Print the message as one line of JSON."""
    typer.echo(json.dumps(document(message)))


def print_line(message: Stored) -> None:
    """Print the message as one line, with the start of its payload."""
    headers = message.headers
    about = f"{headers.get('ce-source', '?')}#{headers.get('ce-subject', '?')}"
    payload = message.payload[:_SHORT].decode(errors="replace") + ("…" if len(message.payload) > _SHORT else "")
    line = f"{message.time:%m-%d %H:%M:%S}  {message.sequence}  {message.subject}  {about}  {headers.get('ce-id', '-')}"
    typer.echo(escaped(f"{line}  {payload}"))


def print_page(message: Stored) -> None:
    """Print the whole message: its position, its headers, and its payload with indentation."""
    lines = [f"{message.subject}, sequence {message.sequence}, stored {message.time.isoformat()}"]
    lines += [f"  {name}: {value}" for name, value in sorted(message.headers.items())]
    for line in lines:
        typer.echo(escaped(line))
    text = message.payload.decode(errors="replace")
    with suppress(ValueError, RecursionError):  # shown unchanged if it is not JSON
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    typer.echo(escaped(text, keep="\n"))
