"""Makes what a pact's requests need before they are sent: accounts with their tokens, and rows."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from conform.check import Skip
from conform.givens import RECIPES, Givens, Keys, Recipe
from conform.tokens import Given

_PASSWORD: Final = "correct horse battery staple"  # noqa: S105  # of accounts that a replay registers and forgets
_RECIPES: Final[Mapping[str, Recipe]] = {
    **RECIPES,
    "user_email": Recipe("auth.register", None, {"email": "{new_email}", "password": _PASSWORD}, "email"),
    "other_user_id": Recipe("auth.register", None, {"email": "{new_email}", "password": _PASSWORD}, "user_id"),
    "refresh_token": Recipe("auth.login", None, {"email": "{user_email}", "password": _PASSWORD}, "refresh_token"),
    "session_id": Recipe("auth.sessions.list", "user", {}, "items.0.session_id"),
    "cart": Recipe("carts.put_item", "ordering user", {"product_id": "{product}", "quantity": 1}, "version"),
    "shipment": Recipe(
        "shipping.list", "user", {"order_id": "{order}", "status": "pending"}, "items.0.shipment_id", awaited=True
    ),
    "shipped_order": Recipe(
        "shipping.list", "user", {"order_id": "{order}", "status": "pending"}, "items.0.order_id", awaited=True
    ),
    "dispatched_shipment": Recipe("shipping.dispatch", "admin", {"shipment_id": "{shipment}"}, "shipment_id"),
}
_PREPARED: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = {
    "webhook user": ("notifications.webhook.put", {"url": "https://shop.example/northwind"}),
    "shopping user": ("carts.put_item", {"product_id": 1, "quantity": 2}),
}
"""What some accounts ask for first."""
_ADMIN: Final = "admin"

Send = Callable[[str, object, str | None], Awaitable[Any]]
"""Sends a request with a token, and returns the body of the reply. Raises Skip."""


class Accounts:
    """Everything that the requests of one run need. An account is registered when it is first asked for."""

    def __init__(self, send: Send, admin: tuple[str, str] | None, token: str | None = None) -> None:
        """`admin`: the address and password of an administrator; or `token`, an access token of one."""
        self._send = send
        self._admin = admin
        self._tokens: dict[str, str] = {} if token is None else {_ADMIN: token}
        self._keys = Keys(secrets.randbits(64))

    async def filled(self, request: Any) -> Any:  # noqa: ANN401  # any JSON
        """The request with its braces filled. Raises Skip for what cannot be made here."""
        for account in ("user", _ADMIN):  # a token tells the id
            if f"{{{account}_id}}" in str(request):
                await self.token(account)
        givens = Givens(self._ask, Given(self._tokens), self._keys, _RECIPES)
        return await givens.fill(_with_passwords(request))

    async def token(self, account: str) -> str:
        """The access token of an account. Raises Skip without one."""
        if account not in self._tokens:
            self._tokens[account] = await self._logged_in(account)
            if account in _PREPARED:
                await self._ask(*_PREPARED[account], account)
        return self._tokens[account]

    async def _logged_in(self, account: str) -> str:
        email, password = f"test-{secrets.token_hex(8)}@northwind.example", _PASSWORD
        if account == _ADMIN:
            if self._admin is None:
                raise Skip("there is no token of an administrator: set MESH_TOKEN")
            email, password = self._admin
        else:
            await self._send("auth.register", {"email": email, "password": password}, None)
        reply = await self._send("auth.login", {"email": email, "password": password}, None)
        return str(reply["access_token"])

    async def _ask(self, subject: str, request: Mapping[str, object], account: str | None) -> Any:  # noqa: ANN401  # JSON
        token = None if account is None else await self.token(account)
        return await self._send(subject, request, token)


def _with_passwords(template: Any) -> Any:  # noqa: ANN401  # any JSON
    """The template with the one password of all accounts that a replay registers."""
    match template:
        case dict():
            return {name: _with_passwords(value) for name, value in template.items()}
        case list():
            return [_with_passwords(value) for value in template]
        case "{user_password}" | "{changing_password}":
            return _PASSWORD
    return template
