"""`mesh console`: prints a URL that signs one browser in to the running console, once."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import HomeOption
from cli.facts import JsonOption
from cli.failure import fail
from cli.observe.console_api import ConsoleApi
from mesh.core.terminal import escaped


def console(
    *,
    show: Annotated[bool, typer.Option("--open", help="Also open it in a browser.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print a URL that signs one browser in to the running console, once. It lasts for ten minutes.

    Exit status: 0, 1 if no browser can be opened, or 3 if no console is running.
    """
    asked = ConsoleApi(home)
    answer = asked.ask("/api/one-time-token", "POST")
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str):
        fail("the console gives no token: it has another version")
    url = f"{asked.url}/?token={escaped(token)}"
    typer.echo(json.dumps({"url": url}) if as_json else url)
    if show and not webbrowser.open(url):
        fail("no browser can be opened here")
