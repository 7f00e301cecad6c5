"""The payloads of the events that orders announce."""

from datetime import datetime

from contracts.base import Id, Reply, TotalRead, Version
from contracts.customers import CustomerId
from contracts.orders import OrderLine, ShortLine


class OrderPlaced(Reply):
    """An order was placed. Its goods are not reserved yet."""

    order_id: Id
    user_id: str | None
    customer_id: CustomerId | None
    lines: tuple[OrderLine, ...]
    total: TotalRead
    placed_at: datetime
    cart_version: Version | None = None
    """The version of the user's cart that became this order. Null if the order did not come from a cart."""


class OrderConfirmed(Reply):
    """The goods of an order are reserved. It can be shipped to this address."""

    order_id: Id
    user_id: str | None
    customer_id: CustomerId | None
    lines: tuple[OrderLine, ...]
    ship_name: str | None
    ship_address: str | None
    ship_city: str | None
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str | None
    confirmed_at: datetime


class OrderRefused(Reply):
    """An order was refused because some products are short."""

    order_id: Id
    user_id: str | None
    short: tuple[ShortLine, ...]


class OrderCancelled(Reply):
    """An order was cancelled. It is not shipped."""

    order_id: Id
    user_id: str | None
    lines: tuple[OrderLine, ...]


class OrderDispatched(Reply):
    """The goods of an order have left."""

    order_id: Id
    user_id: str | None
    tracking_number: str


class OrderDelivered(Reply):
    """The goods of an order have arrived."""

    order_id: Id
    user_id: str | None
