"""The carts in MongoDB: every query of the service. A cart is one document, whose id is its user's."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from pymongo.errors import DuplicateKeyError

from carts_svc.stored import NEW, Line, Ordered, StoredCart
from contracts.carts import CartReason
from mesh.core.errors import Conflict
from providers.mongo import operation as mongo
from providers.mongo.database import Database, Document
from providers.mongo.operation import now
from worker.outages import TERMS

KEPT: Final = timedelta(days=30)
"""How long a cart is kept without a change."""

operation = partial(mongo.operation, TERMS)
"""Decorates each query: it ends by the deadline, and an outage of the database becomes a fault."""


class Carts:
    """The collection `carts`."""

    def __init__(self, database: Database) -> None:
        self._carts = database["carts"]

    @operation()
    async def ensure_index(self) -> None:
        """Create the index that makes MongoDB delete old carts."""
        await self._carts.create_index("changed_at", expireAfterSeconds=round(KEPT.total_seconds()))

    @operation()
    async def get(self, user_id: str) -> StoredCart:
        """The user's cart; an empty one if none is stored."""
        return await self._read(user_id)

    @operation()
    async def change(
        self, user_id: str, edit: Callable[[StoredCart], StoredCart], expected_version: int | None = None
    ) -> StoredCart:
        """The cart after the change. `edit` gets the stored cart and returns the changed one. It may run several times.

        If `edit` changes nothing, nothing is written and the version is not checked: so a repeated request succeeds.
        Raises Conflict for another version.
        """
        while True:  # each repetition means that somebody else's change succeeded; the deadline ends them
            cart = await self._read(user_id)
            edited = edit(cart)
            if edited == cart:
                return cart
            if expected_version not in (None, cart.version):
                raise other_version(cart, expected_version)
            changed = edited._replace(version=cart.version + 1, changed_at=now())
            if await self._replace(user_id, cart.version, changed):
                return changed

    @operation()
    async def begin_order(self, user_id: str, version: int) -> bool:
        """Note that this version is being ordered. Returns False if the cart has changed, or another checkout began."""
        found = await self._carts.update_one(
            {"_id": user_id, "version": version, "ordering": None}, {"$set": {"ordering": version}}
        )
        return found.matched_count == 1

    async def _read(self, user_id: str) -> StoredCart:
        document = await self._carts.find_one({"_id": user_id})
        return StoredCart() if document is None else _cart(document)

    async def _replace(self, user_id: str, version: int, cart: StoredCart) -> bool:
        """Whether the cart was in this version, and is replaced."""
        is_new = version == NEW
        try:
            result = await self._carts.replace_one({"_id": user_id, "version": version}, _document(cart), upsert=is_new)
        except DuplicateKeyError:  # somebody else stored the user's first cart
            return False
        return is_new or result.matched_count == 1


def _document(cart: StoredCart) -> Document:
    return {
        "version": cart.version,
        "changed_at": cart.changed_at,
        "lines": [{**line._asdict(), "unit_price": str(line.unit_price)} for line in cart.lines],
        "ordered": cart.ordered and cart.ordered._asdict(),
        "ordering": cart.ordering,
    }


def _cart(document: Document) -> StoredCart:
    lines = (Line(**{**line, "unit_price": Decimal(line["unit_price"])}) for line in document["lines"])
    ordered = document["ordered"]
    return StoredCart(
        document["version"],
        tuple(lines),
        document["changed_at"],
        None if ordered is None else Ordered(**ordered),
        document.get("ordering"),  # carts from before checkouts noted it have none
    )


def other_version(cart: StoredCart, expected: int | None) -> Conflict:
    """The fault for another version than the expected one."""
    said = f"the cart has version {cart.version}, not {expected}"
    return Conflict(CartReason.VERSION_MISMATCH, said, current_version=cart.version or None)
