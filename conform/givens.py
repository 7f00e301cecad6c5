"""Makes what the braces of golden files stand for: rows and tokens of the service under test."""

import asyncio
import itertools
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, Final

from conform.check import Skip
from conform.tokens import Tokens, payload_of

MARK: Final = "Made by a test"
_AWAITED: Final = 15.0
"""Seconds to wait for what events make."""
_EVERY: Final = 0.05


@dataclass(frozen=True)
class Recipe:
    """How a value is made: the member of the reply to a request, which may have braces itself."""

    subject: str
    """Of a request; or of an event that the kit publishes, whose payload differs from the golden one by `request`."""
    account: str | None
    request: Mapping[str, object]
    member: str
    """A dot leads into an object or a list, such as `items.0.shipment_id`."""
    awaited: bool = False
    """Whether the request is repeated until the reply has the member: events make it, soon."""
    otherwise: str | None = None
    """The word whose value stands in where the kit cannot make this one."""


_PRODUCT: Final = {"product_name": MARK, "unit_price": "0.10"}
_TWO_UNITS: Final = Recipe("products.create", "admin", {**_PRODUCT, "units_in_stock": 2}, "product_id")
_RESERVED: Final = {"lines": [{"product_id": "{two_units}", "quantity": 2}]}
_GOODS: Final = {"product_id": "{product}", "quantity": 24, "reason": "delivery note 4711"}
_LINE: Final = {"product_id": 1, "product_name": MARK, "unit_price": "0.10", "discount": "0.00", "amount": "0.20"}
_NOWHERE: Final = ("name", "address", "city", "region", "postal_code", "country")
_CONFIRMED: Final = {
    "order_id": "{new_number}",
    "user_id": "{user_id}",
    "customer_id": None,
    "lines": [{**_LINE, "quantity": 2}],
    **{f"ship_{part}": None for part in _NOWHERE},
}
_SHIPMENT: Final = {"order_id": "{confirmed_order}", "status": "pending"}
RECIPES: Final[Mapping[str, Recipe]] = {
    "customer": Recipe("customers.create", "admin", {"customer_id": "{new_key}", "company_name": MARK}, "customer_id"),
    "other_customer": Recipe(
        "customers.create", "admin", {"customer_id": "{other_key}", "company_name": MARK}, "customer_id"
    ),
    "archived_customer": Recipe("customers.archive", "admin", {"customer_id": "{other_customer}"}, "customer_id"),
    "product": Recipe("products.create", "admin", _PRODUCT, "product_id"),
    "discontinued_product": Recipe("products.discontinue", "admin", {"product_id": "{product}"}, "product_id"),
    "category": Recipe("products.categories.create", "admin", {"category_name": MARK}, "category_id"),
    "priced_category": Recipe("products.create", "admin", {**_PRODUCT, "category_id": "{category}"}, "category_id"),
    "supplier": Recipe("products.suppliers.create", "admin", {"company_name": MARK}, "supplier_id"),
    "full_product": Recipe("products.create", "admin", {**_PRODUCT, "units_in_stock": 2**31 - 1}, "product_id"),
    "two_units": _TWO_UNITS,
    "received_product": Recipe("products.stock.receive", "admin", _GOODS, "product_id"),
    "reserved_order": Recipe("products.stock.reserve", None, {"order_id": "{new_number}", **_RESERVED}, "order_id"),
    "reserved_product": Recipe("products.stock.reserve", None, {"order_id": "{new_number}", **_RESERVED}, "$two_units"),
    "order": Recipe("orders.place", "user", _RESERVED, "order_id"),
    # Where orders serves, an order is confirmed soon after it is placed.
    "confirmed_order": Recipe("events.orders.confirmed", None, _CONFIRMED, "order_id", otherwise="order"),
    "shipment": Recipe("shipping.list", "user", _SHIPMENT, "items.0.shipment_id", awaited=True),
    "shipped_order": Recipe("shipping.list", "user", _SHIPMENT, "items.0.order_id", awaited=True),
    "cart": Recipe("carts.put_item", "user", {"product_id": "{product}", "quantity": 1}, "version"),
    "cancelled_order": Recipe("orders.cancel", "user", {"order_id": "{order}"}, "order_id"),
}
"""By the word in braces. A member that begins with `$` is another word's value."""

Ask = Callable[[str, Mapping[str, object], str | None], Awaitable[Any]]
"""Sends a request that must succeed, as an account, and returns the body of the reply."""


class Keys:
    """Customer keys and numbers that nothing has; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # no secrets
        keys = ["".join(letters) for letters in itertools.product("Z", "XYZ", *[ascii_uppercase] * 3)]
        self._random.shuffle(keys)
        self._customers = itertools.cycle(keys)

    def customer(self) -> str:
        """Five capital letters, each time others. None of Northwind's begins with ZX to ZZ."""
        return next(self._customers)

    def number(self) -> int:
        """The id of an order of another service."""
        return self._random.randint(10**9, 2**31 - 1)


class Givens:
    """The values of one example; each is made once."""

    def __init__(self, ask: Ask, tokens: Tokens, keys: Keys, recipes: Mapping[str, Recipe] = RECIPES) -> None:
        self._ask = ask
        self._recipes = recipes
        self._tokens = tokens
        self._keys = keys
        self._values: dict[str, object] = {}

    async def fill(self, template: Any) -> Any:  # noqa: ANN401  # any JSON
        """The template with its braces filled. Raises Skip for a word that this kit cannot make."""
        match template:
            case dict():
                return {name: await self.fill(value) for name, value in template.items()}
            case list():
                return [await self.fill(value) for value in template]
            case str() if template.startswith("{") and template.endswith("}"):
                return await self._value(template[1:-1])
        return template

    async def _value(self, word: str) -> object:
        if word not in self._values:
            self._values[word] = await self._made(word)
        return self._values[word]

    async def _made(self, word: str) -> object:
        match word:
            case "free_key" | "new_key" | "other_key":
                return self._keys.customer()
            case "order_number" | "new_number":
                return self._keys.number()
            case "new_email":
                return f"test-{secrets.token_hex(8)}@northwind.example"
            case "user_id" | "admin_id":
                token = self._tokens.token(word.removesuffix("_id"))
                if token is None:
                    raise Skip("there are no tokens")
                return payload_of(token)["sub"]
        recipe = self._recipes.get(word)
        if recipe is None:
            raise Skip(f"the kit cannot make {{{word}}}")
        try:
            return await self._by(recipe, word)
        except Skip as why:
            if recipe.otherwise is None:
                raise
            try:
                return await self._value(recipe.otherwise)
            except Skip as further:
                raise Skip(f"{why}, and {further}") from None

    async def _by(self, recipe: Recipe, word: str) -> object:
        request = await self.fill(recipe.request)
        if recipe.member.startswith("$"):
            await self._ask(recipe.subject, request, recipe.account)
            return self._values[recipe.member[1:]]
        ends = asyncio.get_running_loop().time() + _AWAITED
        while (found := _member(await self._ask(recipe.subject, request, recipe.account), recipe.member)) is None:
            if not recipe.awaited or asyncio.get_running_loop().time() > ends:
                raise Skip(f"no reply of {recipe.subject} has the {{{word}}}")
            await asyncio.sleep(_EVERY)
        return found


def _member(body: Any, path: str) -> object:  # noqa: ANN401  # any JSON
    """What the path leads to; None if there is no such place."""
    for step in path.split("."):
        match body:
            case dict():
                body = body.get(step)
            case list() if step.isdecimal() and int(step) < len(body):
                body = body[int(step)]
            case _:
                return None
    return body
