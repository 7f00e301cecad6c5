"""`mesh token`: prints an access token for curl and other programs."""

import getpass
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import HomeOption
from cli.facts import JsonOption, tell
from cli.failure import fail
from cli.gateway import GatewayOption, Nothing, Refused, UsableTokens, ask, find_gateway, log_in
from cli.sessions import Session, Sessions, kept_sessions
from contracts.auth import User
from mesh.core.terminal import escaped

_LEAST = 60
"""Seconds. With less left, the token is refreshed, so that it outlives the request that it is for."""
_UNAUTHENTICATED = 401


def token(
    *,
    email: Annotated[
        str | None, typer.Option(help="The user's e-mail address. Default: that of the latest login.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Log in as the stack's first administrator.")] = False,
    header: Annotated[bool, typer.Option("--header", help="Print the whole line: Authorization: Bearer ….")] = False,
    as_json: JsonOption = False,
    logout: Annotated[bool, typer.Option("--logout", help="End the session, and forget it.")] = False,
    gateway: GatewayOption = None,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Print an access token for curl and other programs.

    curl -H "Authorization: Bearer $(mesh token)" sends it. So does curl -H "$(mesh token --header)".

    The first call logs in. It reads the password from MESH_PASSWORD, from the first line of standard input, or from the
    terminal. Later calls need no password: sessions.json in the home keeps the session, readable by its owner only. A
    token with less than a minute left is refreshed.

    Exit status: 0, 1 if the login is refused, 2 invalid command, or 3 if no gateway answers.
    """
    if admin and email:
        fail("--admin has its own e-mail address: leave out --email", 2)
    if header + as_json + logout > 1:
        fail("choose one of --header, --json and --logout", 2)
    url, stack = find_gateway(home, gateway)
    if admin and stack is None:
        fail("--admin needs the stack of `mesh up`: for another gateway, give --email")
    if logout:
        _log_out(home, url, email, admin=admin)
        return
    session = _kept(home, url, email, admin=admin)
    if session is None:
        first = stack.admin if stack and admin else None
        session = _logged_in(url, *((first.email, first.password) if first else _asked(email)), admin=admin)
        with kept_sessions(home) as sessions:
            sessions.keep(session)
    line = f"Authorization: Bearer {session.access_token}" if header else session.access_token
    tell(line, _document(session), as_json=as_json)


def _kept(home: Path, url: str, email: str | None, *, admin: bool) -> Session | None:
    """The kept session, with a token that the gateway accepts. Forgets a session that has ended."""
    with kept_sessions(home) as sessions:
        session = sessions.find(url, email, admin=admin)
        if session is None or (session.seconds_left >= _LEAST and _accepted(session)):
            return session
        return _refreshed(session, sessions)


def _accepted(session: Session) -> bool:
    """Whether the session still exists: a user may have ended it elsewhere, or `mesh up` may have new data."""
    try:
        ask(session.gateway, "GET", "/v1/auth/me", User, token=session.access_token)
    except Refused as error:
        if error.status != _UNAUTHENTICATED:
            fail(str(error))
        return False
    return True


def _refreshed(session: Session, sessions: Sessions) -> Session | None:
    try:
        body = {"refresh_token": session.refresh_token}
        renewed = session.renewed(ask(session.gateway, "POST", "/v1/auth/refresh", UsableTokens, body=body))
    except Refused as error:
        if error.status != _UNAUTHENTICATED:
            fail(str(error))
        sessions.drop(session)
        if not session.admin:
            typer.echo(escaped(f"the session of {session.email} has ended"), err=True)
        return None
    sessions.keep(renewed)  # before anybody uses the access token
    return renewed


def _logged_in(url: str, email: str, password: str, *, admin: bool) -> Session:
    try:
        return Session.begun(url, email, log_in(url, email, password), admin=admin)
    except Refused as error:
        fail(f"{error}: if the password of {email} has changed, give --email" if admin else str(error))


def _asked(email: str | None) -> tuple[str, str]:
    """The e-mail address and the password. The prompts go to the terminal: standard output is for the token."""
    if email is None:
        if not _asks():
            fail("there is no terminal to ask for the e-mail address: give --email")
        typer.echo("E-mail: ", err=True, nl=False)
        email = sys.stdin.readline().strip()
    password = os.environ.get("MESH_PASSWORD") or (getpass.getpass(stream=sys.stderr) if _asks() else _first_line())
    if not email or not password:
        fail("an e-mail address and a password are required: set MESH_PASSWORD, or pass it on standard input")
    return email, password


def _asks() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _first_line() -> str:
    return "" if sys.stdin is None else sys.stdin.readline(1_000).rstrip("\r\n")


def _log_out(home: Path, url: str, email: str | None, *, admin: bool) -> None:
    with kept_sessions(home) as sessions:
        session = sessions.find(url, email, admin=admin)
        if session is None:
            fail(f"there is no session of {email or 'anybody'} at {url}")
        try:
            ask(url, "POST", "/v1/auth/logout", Nothing, body={"refresh_token": session.refresh_token})
        except Refused as error:
            if error.status != _UNAUTHENTICATED:  # it has ended already
                fail(str(error))
        sessions.drop(session)
    typer.echo(escaped(f"{session.email} is logged out"))


def _document(session: Session) -> dict[str, str]:
    return {
        "access_token": session.access_token,
        "token_type": "Bearer",
        "expires_at": datetime.fromtimestamp(session.expires_at, UTC).isoformat(timespec="seconds"),
        "email": session.email,
        "gateway_url": session.gateway,
    }
