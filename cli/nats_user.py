"""`mesh nats user`: NATS users of callers outside the mesh."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
from cli.facts import JsonOption, tell, tell_files
from cli.failure import fail
from cli.generate import updated
from devstack.stack.services import ROOT
from mesh.wire.names import INBOX_PREFIX
from ops.callers import CALLERS, Caller, read_callers, with_caller, write_callers
from services import BY_NAME

user = typer.Typer(name="user", no_args_is_help=True, help="Add and remove NATS users of callers outside the mesh.")

Name = Annotated[str, typer.Argument(help="Small letters, digits and _, beginning with a letter.")]
Folder = Annotated[
    Path, typer.Option(callback=expanded, help="The folder of callers.json and nats.conf.", show_default=False)
]


@user.command()
def add(
    name: Name,
    *,
    calls: Annotated[list[str], typer.Option(help="A subject that it may call. Repeat it for several.")],
    folder: Folder = ROOT,
    as_json: JsonOption = False,
) -> None:
    """Add a NATS user that may call these subjects, and nothing else.

    It may call subjects that only read, and subjects whose worker verifies the token of an end user. The
    command writes the user to callers.json, and to the files of `mesh generate`.
    """
    path = folder / CALLERS.name
    try:
        write_callers(path, with_caller(read_callers(path, BY_NAME), Caller(name=name, calls=tuple(calls)), BY_NAME))
    except (OSError, ValueError) as error:
        fail(str(error))
    files = updated(folder)
    allowed = list(dict.fromkeys(calls))
    inboxes = f"{INBOX_PREFIX}{name}."
    sentence = (
        f"written: {', '.join(files)}\n"
        f"{name} may call {', '.join(allowed)}. Its inboxes are below {inboxes}\n"
        f"With `mesh up`: start it again. The seed is nats_{name}_seed in .mesh/secrets.json.\n"
        f"Elsewhere: `mesh nats keys FOLDER` writes the seed to FOLDER/{name}.nk. Then reload NATS."
    )
    tell(sentence, {"name": name, "calls": allowed, "inbox_prefix": inboxes, "written": files}, as_json=as_json)


@user.command()
def remove(name: Name, *, folder: Folder = ROOT, as_json: JsonOption = False) -> None:
    """Remove a NATS user. NATS refuses the user once it has loaded the new nats.conf."""
    path = folder / CALLERS.name
    try:
        callers = read_callers(path, BY_NAME)
        if name not in {caller.name for caller in callers}:
            fail(f"{path} has no user {name}")
        write_callers(path, tuple(caller for caller in callers if caller.name != name))
    except (OSError, ValueError) as error:
        fail(str(error))
    tell_files(updated(folder), "mesh generate", check=False, as_json=as_json)
