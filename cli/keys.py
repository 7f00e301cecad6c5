"""`mesh keys`: manages the keys that sign access tokens."""

import asyncio
from pathlib import Path

import typer

from cli.connection import HomeOption, connected
from cli.facts import JsonOption, tell
from cli.failure import fail
from cli.gateway import TokenOption, as_administrator
from contracts.auth import KeyRotation, RotateKeys
from mesh.client.client import Client
from mesh.core.context import Context, request_id_from, working_on
from mesh.core.errors import MeshError
from subjects import AUTH_KEYS_ROTATE

keys = typer.Typer(name="keys", no_args_is_help=True, help="Manage the keys that sign access tokens.")


@keys.callback()
def _group() -> None:
    """Keeps `rotate` a subcommand although it is the only one."""


@keys.command()
def rotate(*, as_json: JsonOption = False, token: TokenOption = None, home: HomeOption = Path(".mesh")) -> None:
    """Publish a new signing key. It signs two minutes later; the old key retires when its last token expires.

    If a new key is already waiting, the command reports that one. Uses the NATS of the stack in `--home`, or NATS_URL
    and NATS_NKEY_SEED_FILE, which also need an administrator's token.
    """
    if token is not None:
        rotation = asyncio.run(_rotate(token, home))
    else:
        with as_administrator(home, None, None) as administrator:
            rotation = asyncio.run(_rotate(administrator.token, home))
    sentence = f"{rotation.kid} signs from {rotation.signs_from:%Y-%m-%d %H:%M:%S} UTC on"
    tell(sentence, rotation.model_dump(mode="json"), as_json=as_json)


async def _rotate(token: str, home: Path) -> KeyRotation:
    async with connected(home) as transport:
        try:
            with working_on(Context(request_id_from(None), float("inf"), authorization=f"Bearer {token}")):
                return await Client(transport).call(AUTH_KEYS_ROTATE, RotateKeys())
        except MeshError as error:
            fail(str(error))
