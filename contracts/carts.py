"""The payloads of `carts.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.base import Id, MoneyRead, Reason, Reply, Request, TotalRead, Version
from contracts.orders import MOST_LINES, Order, Quantity


class CartReason(Reason):
    """Reasons of the faults of carts."""

    UNKNOWN_PRODUCT = "invalid_argument", "unknown_product"
    DISCONTINUED = "invalid_argument", "product_discontinued"
    FULL = "conflict", "cart_full"
    EMPTY = "conflict", "cart_empty"
    ITEMS_UNAVAILABLE = "conflict", "items_unavailable"
    VERSION_MISMATCH = "conflict", "version_mismatch"


class CartChange(StrEnum):
    """What has changed about a product since it was put into the cart."""

    NAME = "product_name"
    PRICE = "unit_price"
    DISCONTINUED = "discontinued"


class ProductWas(Reply):
    """A product as it was when it was put into the cart."""

    product_name: str
    unit_price: MoneyRead


class CartItem(Reply):
    """Units of one product, at its current name and price.

    `unit_price` and `discontinued` are null if they are unknown now. `amount` is unit_price * quantity; null without a
    price, or if the product is discontinued. A product that no longer exists is discontinued and has no price.
    """

    product_id: Id
    product_name: str
    quantity: int
    unit_price: MoneyRead | None
    amount: TotalRead | None
    discontinued: bool | None
    was: ProductWas
    changes: Annotated[tuple[CartChange, ...], Field(max_length=len(CartChange))]
    """What differs from `was`; empty if the current product is unknown."""


class Cart(Reply):
    """The caller's cart. A user without one has an empty cart in version 1.

    `prices_current` is false while products do not answer: then no item has a price, and `total` is null. Otherwise
    `total` is the sum of the amounts.
    """

    items: Annotated[tuple[CartItem, ...], Field(max_length=MOST_LINES)]
    total: TotalRead | None
    prices_current: bool
    expires_at: datetime | None
    """When the cart is deleted, unless it changes before; null for a user without one."""
    version: Version


class CheckedOut(Order):
    """The order that the cart became."""


class GetCart(Request):
    """Get the caller's cart."""


class PutItem(Request):
    """Set the quantity of a product in the caller's cart. If it is set already, nothing changes.

    `expected_version`: the cart's version; null for any.
    """

    product_id: Id
    quantity: Quantity
    expected_version: Version | None = None


class RemoveItem(Request):
    """Remove a product from the caller's cart. If it is not there, nothing changes."""

    product_id: Id
    expected_version: Version | None = None


class ClearCart(Request):
    """Remove everything from the caller's cart. If it is empty, nothing changes."""

    expected_version: Version | None = None


class CheckOut(Request):
    """Place an order for what is in the caller's cart.

    One version of a cart becomes one order: a repetition returns the order of the first time.
    """

    expected_version: Version | None = None
