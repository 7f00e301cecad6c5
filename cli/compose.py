"""`mesh compose`: the secrets that compose.yaml wants, so that nobody has to think of one or to quote it."""

import re
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import fail
from cli.nats import HOSTS, make_keys
from ops.generated import password
from ops.private_files import write_private
from services import PROCESSES

compose = typer.Typer(name="compose", no_args_is_help=True, help="Make what compose.yaml wants.")

_PASSWORDS = (
    "POSTGRES_PASSWORD",
    "MONGO_ROOT_PASSWORD",
    *(password(row) for row in PROCESSES if row.store),
    *(name for row in PROCESSES for name in row.passwords),
)
_KEYS = tuple(name for row in PROCESSES for name in row.keys)
_LINE = re.compile(r"(?:export\s+)?(\w+)\s*=\s*(.*?)\s*")
_AS_IT_STANDS = re.compile(r"""[^\s'"`$#\\]*|('[^']*(?<!\\)'|"[^"$\\]*")(\s+#.*)?""")
"""A value that Docker Compose takes literally: quoted, or without what it would expand or cut off."""


@compose.command()
def init(
    *,
    folder: Annotated[Path, typer.Option(help="Where compose.yaml is.")] = Path(),
    admin_email: Annotated[str, typer.Option(help="Who the first administrator is.")] = "admin@northwind.example",
) -> None:
    """Make .env and keys/, for their owner alone: passwords, keys and certificates.

    What is there is kept, so it may run again: after an update, or when a certificate is near its end.
    """
    file, example = folder / ".env", folder / ".env.example"
    try:
        text = (file if file.exists() else example).read_text()
        values = {name: secrets.token_hex(24) for name in _PASSWORDS}
        values |= {name: b64encode(secrets.token_bytes(32)).decode() for name in _KEYS}
        values |= {f"{row.prefix}_ADMIN_EMAIL": admin_email for row in PROCESSES if row.admin}
        values |= make_keys(folder / "keys", HOSTS)
        write_private(file, filled(text, values))
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}")
    typer.echo(
        f"{file}, {folder / 'keys'}: all that `docker compose up --build` wants; "
        "the first administrator is AUTH_ADMIN_EMAIL with AUTH_ADMIN_PASSWORD there"
    )


def filled(text: str, values: Mapping[str, str]) -> str:
    """Give each variable of a .env that has no value the one that stands here; the others keep theirs.

    Raises:
        ValueError: Docker Compose would read a value otherwise than it looks.

    """
    lines, missing = text.splitlines(), dict(values)
    for index, line in enumerate(lines):
        found = None if line.lstrip().startswith("#") else _LINE.fullmatch(line.strip())
        name, value = found.groups() if found else ("", "")
        default = missing.pop(name, None)
        if default is not None and value in ("", "''", '""'):
            lines[index], value = f"{name}={default}", default
        if not _AS_IT_STANDS.fullmatch(value):
            raise ValueError(f"line {index + 1}: {name} has a value with $, #, a space or a quote: write it as '…'")
    return "\n".join([*lines, *(f"{name}={value}" for name, value in missing.items()), ""])
