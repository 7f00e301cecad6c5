"""`mesh users`: lists users and changes their rights."""

import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.columns import print_columns
from cli.connection import HomeOption, running_stack
from cli.facts import JsonOption, tell
from cli.failure import fail
from cli.gateway import GatewayOption, TokenOption, as_administrator
from contracts.auth import User, UserPage
from devstack.home.credentials import load_credentials
from devstack.stack.environment import inherited
from devstack.stack.services import ROOT
from mesh.core.terminal import escaped

users = typer.Typer(name="users", no_args_is_help=True, help="List users and change their rights.")

_HOME = Path(".mesh")
_PAGE = "/v1/users?limit=200"


class Role(StrEnum):
    """The roles of `contracts.auth.Role`: typer does not support a list of a Literal."""

    USER = "USER"
    ADMIN = "ADMIN"


Who = Annotated[str, typer.Argument(help="An e-mail address or a user id.")]


@users.command("list")
def list_users(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per user.")] = False,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    home: HomeOption = _HOME,
) -> None:
    """List every user."""
    found: list[User] = []
    with as_administrator(home, gateway, token) as asked:
        path: str | None = _PAGE
        while path:
            page = asked.ask(UserPage, "GET", path)
            found += page.items
            path = f"{_PAGE}&cursor={quote(page.next_cursor)}" if page.next_cursor else None
    if as_json:
        for user in found:
            typer.echo(escaped(user.model_dump_json()))
        return
    rows = [(user.user_id, user.email, f"{user.created_at:%Y-%m-%d}", _may(user)) for user in found]
    print_columns(("id", "e-mail", "since", "roles"), rows)


@users.command("set-roles")
def set_roles(
    who: Who,
    roles: Annotated[list[Role], typer.Argument(help="USER, ADMIN or both.", case_sensitive=False)],
    *,
    as_json: JsonOption = False,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    home: HomeOption = _HOME,
) -> None:
    """Set the roles of a user, and end their sessions."""
    _tell(_changed(who, {"roles": roles}, gateway, token, home), as_json=as_json)


@users.command()
def disable(
    who: Who,
    *,
    as_json: JsonOption = False,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    home: HomeOption = _HOME,
) -> None:
    """Disable an account, and end its sessions."""
    _tell(_changed(who, {"disabled": True}, gateway, token, home), as_json=as_json)


@users.command()
def enable(
    who: Who,
    *,
    as_json: JsonOption = False,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    home: HomeOption = _HOME,
) -> None:
    """Enable a disabled account."""
    _tell(_changed(who, {"disabled": False}, gateway, token, home), as_json=as_json)


@users.command("reset-password")
def reset_password(
    who: Who,
    *,
    as_json: JsonOption = False,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    home: HomeOption = _HOME,
) -> None:
    """Send the user an e-mail with a token that sets a new password. The password stays valid until then."""
    with as_administrator(home, gateway, token) as asked:
        user = asked.ask(User, "GET", f"/v1/users/{quote(asked.user_id(who), safe='')}")
        if user.disabled:
            fail(f"{user.email} is disabled: enable the account first")
        asked.tell("POST", "/v1/auth/password/reset", {"email": user.email})
    tell(f"{user.email} gets an e-mail", user.model_dump(mode="json"), as_json=as_json)


def _changed(who: str, change: dict[str, Any], gateway: str | None, token: str | None, home: Path) -> User:
    with as_administrator(home, gateway, token) as asked:
        return asked.ask(User, "PATCH", f"/v1/users/{quote(asked.user_id(who), safe='')}", change)


def _tell(user: User, *, as_json: bool) -> None:
    tell(f"{user.email}: {_may(user)}", user.model_dump(mode="json"), as_json=as_json)


def _may(user: User) -> str:
    return " ".join(user.roles) + (", disabled" if user.disabled else "")


@users.command("create-admin")
def create_admin(
    email: Annotated[str, typer.Argument(help="The e-mail address of the new administrator.")],
    *,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="AUTH_ADMIN_PASSWORD", help="Default: asks for it. An option is visible to everybody on the machine."
        ),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = _HOME,
) -> None:
    """Create an administrator directly in auth's database, for when no administrator can log in.

    Uses the database of the stack in `--home`, or AUTH_MONGODB_URL and AUTH_KEY_ENCRYPTION_KEY. It bypasses all rights:
    the audit log cannot show who did it.
    """
    if password is None:
        if not sys.stdin.isatty():
            fail("there is no terminal to ask for the password: set AUTH_ADMIN_PASSWORD")
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    own = {"AUTH_ADMIN_EMAIL": email, "AUTH_ADMIN_PASSWORD": password}
    environment = {**inherited("auth", os.environ, nats=False), **own}
    if "AUTH_MONGODB_URL" not in environment:
        stack = running_stack(home)
        if stack is None:
            fail(f"no mesh runs in {home}: start one with `mesh up`, or set AUTH_MONGODB_URL")
        environment["AUTH_MONGODB_URL"] = stack.databases["auth"]
        environment["AUTH_KEY_ENCRYPTION_KEY"] = load_credentials(stack.home).secret("AUTH_KEY_ENCRYPTION_KEY")
    made = subprocess.run(  # our own module
        [sys.executable, "-m", "auth_svc.create_admin"],
        env=environment,
        cwd=ROOT,  # elsewhere a foreign module could shadow one of ours
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        fail(made.stderr.strip().rpartition("\n")[2][:1000] or "the administrator could not be created")
    tell(f"{email} is an administrator", {"email": email}, as_json=as_json)
