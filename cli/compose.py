"""`mesh compose`: generates the secrets that compose.yaml needs."""

import re
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.facts import JsonOption, tell
from cli.failure import fail
from cli.nats import HOSTS, make_keys
from ops.generated import password
from ops.private_files import locked, write_private
from services import PROCESSES

compose = typer.Typer(name="compose", no_args_is_help=True, help="Prepare a deployment with compose.yaml.")

_PASSWORDS = (
    "POSTGRES_PASSWORD",
    "MONGO_ROOT_PASSWORD",
    *(password(row) for row in PROCESSES if row.store),
    *(name for row in PROCESSES for name in row.passwords),
)
_KEYS = tuple(name for row in PROCESSES for name in row.keys)
_LINE = re.compile(r"(?:export\s+)?(\w+)\s*=\s*(.*?)\s*")
_AS_IT_STANDS = re.compile(r"""[^\s'"`$#\\]*|('[^']*(?<!\\)'|"[^"$\\]*")(\s+#.*)?""")
"""A value that Docker Compose reads literally: quoted, or without special characters."""


@compose.command()
def init(
    *,
    folder: Annotated[Path, typer.Option(help="The folder of compose.yaml.")] = Path(),
    admin_email: Annotated[
        str, typer.Option(help="E-mail address of the first administrator.")
    ] = "admin@northwind.example",
    smtp_url: Annotated[
        str, typer.Option(help="The mail server, with its user and password. Mails wait until it can be reached.")
    ] = "smtp://localhost:25",
    mail_from: Annotated[str, typer.Option(help="The address that mails come from.")] = "shop@northwind.example",
    as_json: JsonOption = False,
) -> None:
    """Create .env and keys/ with passwords, keys and certificates, readable by their owner only.

    Existing values are kept. Run it again after an update, or to renew a certificate before it expires. A run
    that starts during another one waits for it.
    """
    file, keys = folder / ".env", folder / "keys"
    try:
        with locked(folder):
            _fill(folder, admin_email, (smtp_url, mail_from))
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}")
    sentence = (
        f"{file}, {keys}: ready for `docker compose up --build`; "
        "the first administrator logs in with AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD"
    )
    tell(sentence, {"environment": str(file), "keys": str(keys)}, as_json=as_json)


def _fill(folder: Path, admin_email: str, mail: tuple[str, str]) -> None:
    """Write .env and keys/. The folder is locked: two that run at once would each write passwords of their own."""
    file, example = folder / ".env", folder / ".env.example"
    text = (file if file.exists() else example).read_text()
    values = {name: secrets.token_hex(24) for name in _PASSWORDS}
    values |= {name: b64encode(secrets.token_bytes(32)).decode() for name in _KEYS}
    values |= {f"{row.prefix}_ADMIN_EMAIL": admin_email for row in PROCESSES if row.admin}
    for row in PROCESSES:
        values |= dict(zip(row.mail_variables, mail, strict=False))
    values |= make_keys(folder / "keys", HOSTS)
    write_private(file, filled(text, values))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in each variable of a .env that has no value. Variables with a value keep it.

    Raises:
        ValueError: Docker Compose would change an unquoted value.

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
