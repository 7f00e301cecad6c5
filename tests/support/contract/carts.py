"""Carts of users in the examples that no request makes."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import AsyncMongoClient

from tests.support.contract.callers import Account, Wire

_CHAI: Final = 1
_DISCONTINUED: Final = 5
_NEVER_MADE: Final = 10**9


async def users_with_carts(wire: Wire, database: str) -> Mapping[str, Account]:
    """Users who have a cart, by the names that the examples have for them; `database` is the URL of carts."""
    carts = {
        "shopping user": [_CHAI],
        "user with a discontinued product": [_DISCONTINUED],
        "user with a full cart": range(_NEVER_MADE, _NEVER_MADE + 100),
    }
    accounts = {name: await wire.register() for name in carts}
    async with AsyncMongoClient[dict[str, Any]](database) as mongo:
        for name, products in carts.items():
            user_id = (await wire.ask("auth.me", accounts[name].access_token))["user_id"]
            await mongo.get_default_database()["carts"].insert_one({"_id": user_id, **_cart(products)})
    return accounts


def _cart(product_ids: Iterable[int]) -> dict[str, Any]:
    """A cart in version 2: two units of each product, at a price that is not the current one."""
    line = {"quantity": 2, "product_name": "Chai", "unit_price": "16.00", "since": 2}
    lines = [{"product_id": product_id, **line} for product_id in product_ids]
    return {"version": 2, "changed_at": datetime.now(UTC), "lines": lines, "ordered": None}
