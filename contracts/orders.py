"""The payloads of `orders.*` and of the events that orders announce."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.auth import UserId
from contracts.base import (
    NOT_EMPTY,
    Count,
    Cursor,
    Id,
    Items,
    Limit,
    MoneyRead,
    Reason,
    Reply,
    Request,
    TotalRead,
    Version,
    many,
)
from contracts.customers import CustomerId

MOST_LINES = 100
MOST_UNITS = 999
Quantity = Annotated[int, Field(ge=1, le=MOST_UNITS)]
"""Units of one product in one order."""


class OrderReason(Reason):
    """Reasons of the faults of orders."""

    NOT_FOUND = "not_found", "order_not_found"
    DUPLICATE_PRODUCT = "invalid_argument", "duplicate_product"
    UNKNOWN_PRODUCT = "invalid_argument", "unknown_product"
    DISCONTINUED = "invalid_argument", "product_discontinued"
    UNKNOWN_CUSTOMER = "invalid_argument", "unknown_customer"
    NOT_CANCELLABLE = "conflict", "order_not_cancellable"
    VERSION_MISMATCH = "conflict", "version_mismatch"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"


class OrderStatus(StrEnum):
    """Where an order stands: placed, confirmed, dispatched, delivered; or at an end before, refused or cancelled."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class OrderSort(StrEnum):
    """The orders of the orders list; `-` is descending. Ids grow with the time of placing."""

    ID = "order_id"
    ID_DESC = "-order_id"


class OrderLine(Reply):
    """One product of an order, with the name and the price that it had when the order was placed.

    `discount` is a fraction. `amount` is unit_price * quantity * (1 - discount), rounded half-up to cents.
    """

    product_id: Id
    product_name: str
    unit_price: MoneyRead
    quantity: int
    discount: MoneyRead
    amount: TotalRead


class ShortLine(Reply):
    """A product of which there is not enough: units wanted, and units that could be had."""

    product_id: Id
    wanted: int
    in_stock: Count


class OrderSummary(Reply):
    """An order without its lines; `total` is the sum of their amounts."""

    order_id: Id
    status: OrderStatus
    user_id: str | None
    """Who placed it; null for Northwind's own orders."""
    customer_id: CustomerId | None
    placed_at: datetime
    total: TotalRead
    version: Version


class Order(OrderSummary):
    """An order; null where nothing is known."""

    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MOST_LINES)]
    short: Annotated[tuple[ShortLine, ...], Field(max_length=MOST_LINES)]
    """Of a refused order, what there was too little of."""
    employee_id: int | None
    required_date: date | None
    shipped_date: date | None
    ship_via: int | None
    """The shipper's id."""
    freight: MoneyRead | None
    ship_name: str | None
    ship_address: str | None
    ship_city: str | None
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str | None
    tracking_number: str | None


class OrderPage(Reply):
    """A part of the orders list."""

    items: Items[OrderSummary]
    next_cursor: str | None


class OrderStep(Reply):
    """A status that an order reached, when, and the id of the event that announced it."""

    status: OrderStatus
    at: datetime
    event_id: str | None
    """Null for Northwind's own orders, which nothing announced."""


class OrderHistory(Reply):
    """The steps of an order whose time is known, the first one first."""

    order_id: Id
    steps: Annotated[tuple[OrderStep, ...], Field(max_length=len(OrderStatus))]


class NewLine(Request):
    """So many units of one product."""

    product_id: Id
    quantity: Quantity


class PlaceOrder(Request):
    """A new order of the caller's, at today's prices; each product is on one line.

    `customer_id`: the customer for whom an administrator orders; the goods go to the customer's address.
    """

    lines: Annotated[tuple[NewLine, ...], many(MOST_LINES), NOT_EMPTY]
    customer_id: CustomerId | None = None


class GetOrder(Request):
    """One order by id: the caller's own, or for an administrator any."""

    order_id: Id


class ListOrders(Request):
    """Orders that match every given filter: the caller's own, or for an administrator all.

    `placed_from` and `placed_until` are days in UTC, and include themselves.
    """

    status: OrderStatus | None = None
    customer_id: CustomerId | None = None
    user_id: UserId | None = None
    placed_from: date | None = None
    placed_until: date | None = None
    sort: OrderSort = OrderSort.ID_DESC
    limit: Limit = 50
    cursor: Cursor | None = None


class CancelOrder(Request):
    """Cancel an order that is not dispatched yet; `expected_version`, where given, must be the current one.

    Twice is no error.
    """

    order_id: Id
    expected_version: Version | None = None


class GetOrderHistory(Request):
    """The steps of one order: the caller's own, or for an administrator any."""

    order_id: Id


class OrderPlaced(Reply):
    """An order waits for its goods to be reserved."""

    order_id: Id
    user_id: str | None
    customer_id: CustomerId | None
    lines: tuple[OrderLine, ...]
    total: TotalRead
    placed_at: datetime


class OrderConfirmed(Reply):
    """An order's goods are reserved: it can be shipped to this address."""

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
    """Of some products there is not enough for the order."""

    order_id: Id
    user_id: str | None
    short: tuple[ShortLine, ...]


class OrderCancelled(Reply):
    """An order will not be shipped."""

    order_id: Id
    user_id: str | None
    lines: tuple[OrderLine, ...]


class OrderDispatched(Reply):
    """An order's goods are on their way."""

    order_id: Id
    user_id: str | None
    tracking_number: str


class OrderDelivered(Reply):
    """An order's goods have arrived."""

    order_id: Id
    user_id: str | None
