"""Logs in at auth: as the administrator of the mesh, and as users that the kit registers."""

import secrets
from typing import Final

from conform.bus import Bus, Reply
from conform.shapes import compact

_USERS: Final = ("user", "other user")
_TRIES: Final = 6
"""Of a login that may be repeated: on busy cores auth gives way to others."""


class LoginRefused(Exception):
    """The administrator cannot log in. The text says what auth answered."""


async def logged_in(bus: Bus, admin: tuple[str, str] | None) -> dict[str, str]:
    """The access token of each account: `user`, `other user`, and `admin` if there is an address and a password.

    A user is left out if auth refuses the login, as it does where addresses must be verified. Raises NoAnswer, and
    LoginRefused.
    """
    tokens = {}
    if admin is not None:
        reply = await _until_final(bus, "auth.login", *admin)
        if not reply.ok:
            raise LoginRefused(f"the administrator cannot log in: auth.login answered {reply.said}")
        tokens["admin"] = str(reply.body["access_token"])
    for name in _USERS:
        email, password = f"conform-{secrets.token_hex(8)}@northwind.example", secrets.token_hex(16)
        await _until_final(bus, "auth.register", email, password)
        reply = await _until_final(bus, "auth.login", email, password)
        if reply.ok:
            tokens[name] = str(reply.body["access_token"])
    return tokens


async def _until_final(bus: Bus, subject: str, email: str, password: str) -> Reply:
    """The reply, or the last one of several that ask to try again. Raises NoAnswer."""
    for _ in range(_TRIES):
        reply = await bus.ask(subject, compact({"email": email, "password": password}))
        if not reply.problem.get("retryable"):
            break
    return reply
