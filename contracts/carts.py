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

    `unit_price` and `discontinued` are null if their current values are unknown. `amount` is unit_price * quantity. It
    is null if there is no price or if the product is discontinued. A product that no longer exists is discontinued and
    has no price.
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
    """The caller's cart. A user who has no cart yet gets an empty one with version 1.

    `prices_current` is false while the service products does not answer. Then no item has a price, and `total` is null.
    Otherwise `total` is the sum of the amounts.
    """

    items: Annotated[tuple[CartItem, ...], Field(max_length=MOST_LINES)]
    total: TotalRead | None
    prices_current: bool
    expires_at: datetime | None
    """When the cart is deleted. Each change postpones this. Null if there is no cart."""
    version: Version


class CheckedOut(Order):
    """The order that was made from the cart."""


class GetCart(Request):
    """Get the caller's cart."""


class PutItem(Request):
    """Set the quantity of a product in the caller's cart. Repeating this has no effect.

    `expected_version`: the version that the cart must have. Null accepts any version.
    """

    product_id: Id
    quantity: Quantity
    expected_version: Version | None = None


class RemoveItem(Request):
    """Remove a product from the caller's cart. Repeating this has no effect."""

    product_id: Id
    expected_version: Version | None = None


class ClearCart(Request):
    """Remove everything from the caller's cart. Repeating this has no effect."""

    expected_version: Version | None = None


class CheckOut(Request):
    """Place an order for the products in the caller's cart.

    Each version of a cart becomes at most one order. Repeating this returns the same order.
    """

    expected_version: Version | None = None
