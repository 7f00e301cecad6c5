"""Logs in at auth: as the administrator of the mesh, and as users that the kit registers."""

import secrets
from typing import Final

from conform.bus import Bus
from conform.shapes import compact

_USERS: Final = ("user", "other user")


async def logged_in(bus: Bus, admin: tuple[str, str] | None) -> dict[str, str]:
    """The access token of each account: `user`, `other user`, and `admin` if there is an address and a password.

    An account is left out if auth refuses its login. Raises NoAnswer.
    """
    password = secrets.token_hex(16)
    known = {"admin": admin} if admin else {}
    for name in _USERS:
        email = f"conform-{secrets.token_hex(8)}@northwind.example"
        await bus.ask("auth.register", compact({"email": email, "password": password}))
        known[name] = (email, password)
    tokens = {}
    for name, (email, secret) in known.items():
        reply = await bus.ask("auth.login", compact({"email": email, "password": secret}))
        if reply.ok:
            tokens[name] = str(reply.body["access_token"])
    return tokens
