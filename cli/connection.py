"""How a command finds NATS: from the running stack, or from the environment."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import structlog
import typer
from pydantic import ValidationError

from cli.failure import fail
from devstack.errors import DevstackError
from devstack.home.state import StackState, read_stack
from mesh.core.errors import Disconnected, Refused
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.process.run import StartError, read_settings

NOBODY_SERVES = 3
DEADLINE = 4


def expanded(path: Path) -> Path:
    """Expand `~` in a path: a shell does not, in `--home=~/mesh` and in a quoted variable."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # Path's own raises where nobody knows the home


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="MESH_HOME",
        callback=expanded,
        help="The home folder of the running `mesh up`, with its stack.json.",
    ),
]


Person = Literal["operator", "deployer"]
"""The NATS user of a command: `operator` reads and watches, `deployer` creates streams."""


@asynccontextmanager
async def connected(home: Path, person: Person = "operator") -> AsyncIterator[NatsTransport]:
    """Connect as this user of the stack in `home`. With NATS_URL set, connect as the environment says.

    Ends the program with a message if there is neither, or if NATS does not answer.
    """
    silence_log()
    try:
        settings = _settings(home, person)
        transport = await NatsTransport.connect(settings, person)
    except (StartError, Disconnected) as error:
        fail(str(error), NOBODY_SERVES)
    except Refused as error:
        fail(f"{error}: it has to be the NATS user {person}")
    try:
        yield transport
    finally:
        await transport.close()


def silence_log() -> None:
    """Turn off the log of the runtime: a command reports errors itself."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def running_stack(home: Path) -> StackState | None:
    """The state of the stack in `home`; None if none runs. Ends the program if others can write to `home`."""
    try:
        return read_stack(home)
    except DevstackError as error:
        fail(str(error))


def stack_here(home: Path) -> StackState:
    """The state of the stack in `home`. Ends the program if none runs."""
    stack = running_stack(home)
    if stack is None:
        fail(f"no mesh runs in {home}: start one with `mesh up`", NOBODY_SERVES)
    return stack


def stack_asked(home: Path) -> StackState | None:
    """The stack that a command looks at; None if there is none, or if NATS_URL names another mesh."""
    return None if os.environ.get("NATS_URL") else running_stack(home)


def asks_somebody(home: Path) -> bool:
    """Whether there is a mesh to connect to: NATS_URL names one, or one runs in `home`."""
    return bool(os.environ.get("NATS_URL")) or running_stack(home) is not None


def _settings(home: Path, person: Person) -> NatsSettings:
    settings = read_settings(NatsSettings)
    if "nats_url" in settings.model_fields_set:
        return settings
    stack = running_stack(home)
    if stack is None:
        raise StartError(f"no mesh runs in {home}: start one with `mesh up`, or set NATS_URL")
    try:
        user = stack.deployer if person == "deployer" else stack.operator
        return NatsSettings.model_validate({"nats_url": stack.nats_url, **user.settings()})
    except ValidationError:
        raise StartError(f"{home / 'stack.json'} names no usable NATS server") from None
