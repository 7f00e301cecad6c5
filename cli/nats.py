"""`mesh nats`: permissions and streams, derived from subjects.py and services.py, and keys for NATS users."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import expanded
from cli.failure import fail
from cli.nats_user import user as user_commands
from cli.streams import streams as streams_command
from devstack.servers.nats import CONFIGURATION
from ops.callers import CALLERS, Caller, read_callers
from ops.certificates import Authority
from ops.nkeys import CONSOLE, DEPLOYER, new_seed, public_key, variable
from ops.permissions import block, replaced
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
def permissions(*, write: Annotated[bool, typer.Option("--write", help="Write them to nats.conf.")] = False) -> None:
    """Print what each user may publish and subscribe to, as nats.conf declares it."""
    callers = _callers()
    if not write:
        typer.echo(block(PROCESSES, callers=callers))
        return
    try:
        CONFIGURATION.write_text(replaced(CONFIGURATION.read_text(), PROCESSES, callers=callers))
    except (OSError, ValueError) as error:
        fail(f"{CONFIGURATION}: {error}")


@nats.command()
def keys(
    folder: Annotated[
        Path, typer.Argument(callback=expanded, help="The folder to keep them in, readable by its owner only.")
    ],
    host: Annotated[list[str] | None, typer.Option(help="A host name or address of NATS, for its certificate.")] = None,
) -> None:
    """Create the keys of a deployment: an nkey for each user, a CA, and certificates for NATS and its clients.

    FOLDER/nats.env holds the variables that compose.yaml needs, FOLDER/nats the certificate of NATS. Existing keys are
    kept. A certificate is renewed a month before it expires.
    """
    try:
        make_keys(folder, host or HOSTS)
    except (OSError, ValueError) as error:
        fail(f"{folder}: {error}")
    typer.echo(f"{folder}/nats.env: add it to .env; {folder}/nats/server.pem: NATS's certificate")


def make_keys(folder: Path, hosts: Sequence[str]) -> dict[str, str]:
    """Create what is missing, and return the variables of nats.env. Raises OSError, ValueError.

    Of two that run at once, one waits for the other, and then finds its keys.
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
