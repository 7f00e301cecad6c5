"""`mesh nats`: permissions and streams, derived from subjects.py and services.py, and keys for NATS users."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
from cli.facts import JsonOption, tell, tell_files
from cli.failure import fail
from cli.nats_user import user as user_commands
from cli.streams import streams as streams_command
from devstack.servers.nats import CONFIGURATION
from ops.callers import CALLERS, Caller, read_callers
from ops.certificates import Authority
from ops.nkeys import CONSOLE, DEPLOYER, new_seed, public_key, variable
from ops.permissions import block, replaced
from ops.permissions import permissions as permitted
from ops.private_files import locked, write_private
from ops.streams import streams
from services import BY_NAME, PROCESSES, USERS
from subjects import EVENTS

HOSTS = ("nats", "localhost", "127.0.0.1")
"""NATS's default host names: compose.yaml's, and this machine's."""

nats = typer.Typer(name="nats", no_args_is_help=True, help="Generate permissions, keys and streams.")
nats.command(name="streams")(streams_command)
nats.add_typer(user_commands)


@nats.command()
def permissions(
    *,
    write: Annotated[bool, typer.Option("--write", help="Write them to nats.conf.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per user; with --write, one of what was written.")
    ] = False,
) -> None:
    """Print what each user may publish and subscribe to, as nats.conf declares it."""
    callers = _callers()
    if write:
        tell_files(_configured(callers), "mesh generate", check=False, as_json=as_json)
    elif as_json:
        for name, may in permitted(PROCESSES, callers=callers).items():
            typer.echo(json.dumps({"user": name, **asdict(may)}))
    else:
        typer.echo(block(PROCESSES, callers=callers))


def _configured(callers: Sequence[Caller]) -> list[str]:
    """Write the permissions to nats.conf. Return its name if it was out of date. Ends the program if it cannot."""
    try:
        before = CONFIGURATION.read_text()
        made = replaced(before, PROCESSES, callers=callers)
        if made != before:
            CONFIGURATION.write_text(made)
    except (OSError, ValueError) as error:
        fail(f"{CONFIGURATION}: {error}")
    return [CONFIGURATION.name] if made != before else []


@nats.command()
def keys(
    folder: Annotated[
        Path, typer.Argument(callback=expanded, help="The folder to keep them in, readable by its owner only.")
    ],
    host: Annotated[list[str] | None, typer.Option(help="A host name or address of NATS, for its certificate.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Create the keys of a deployment: an nkey for each user, a CA, and certificates for NATS and its clients.

    FOLDER/nats.env holds the variables that compose.yaml needs, FOLDER/nats the certificate of NATS. Existing keys are
    kept. A certificate is renewed a month before it expires.
    """
    try:
        make_keys(folder, host or HOSTS)
    except (OSError, ValueError) as error:
        fail(f"{folder}: {error}")
    environment, certificate = folder / "nats.env", folder / "nats" / "server.pem"
    sentence = f"{environment}: add it to .env; {certificate}: NATS's certificate"
    tell(sentence, {"environment": str(environment), "certificate": str(certificate)}, as_json=as_json)


def make_keys(folder: Path, hosts: Sequence[str]) -> dict[str, str]:
    """Create what is missing, and return the variables of nats.env. Raises OSError, ValueError.

    A run that starts during another one waits for it, and keeps the keys of that run.
    """
    own = folder / "nats"  # mounted as a folder, so it holds no other keys
    for made in (folder, own):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    users = (*USERS, *(caller.name for caller in _callers()))
    with locked(folder):
        variables = dict(pair for user in users for pair in _user(folder / f"{user}.nk", user))
        write_private(folder / "nats.env", "".join(f"{name}={value}\n" for name, value in variables.items()))
        authority = Authority(folder)
        authority.issue("server", hosts, own)
        for user in users:
            authority.issue(user)
    return variables


def _callers() -> tuple[Caller, ...]:
    try:
        return read_callers(CALLERS, BY_NAME)
    except (OSError, ValueError) as error:
        fail(str(error))


def _user(seed_file: Path, user: str) -> Iterator[tuple[str, str]]:
    """The variables of a user. Creates the seed if there is none."""
    if not seed_file.exists():
        write_private(seed_file, new_seed())
    seed = seed_file.read_text().strip()
    yield variable(user), public_key(seed)
    if user in BY_NAME or user == CONSOLE or (user == DEPLOYER and streams(PROCESSES, EVENTS)):
        yield f"NATS_{user.upper()}_SEED", seed
