"""The payloads of `orders.*`."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from contracts.auth import UserId
from contracts.base import (
    LONGEST_PAGE,
    NOT_EMPTY,
    Count,
    Cursor,
    Day,
    Id,
    Items,
    Limit,
    MoneyRead,
    Reason,
    Reply,
    Request,
    Timestamp,
    TotalRead,
    Version,
    many,
)
from contracts.customers import CustomerId

MOST_LINES = 100
MOST_UNITS = 999
MOST_LINES_TOGETHER: Final = 500
"""Lines of all orders of one reply, so that the longest reply fits into a message."""
Quantity = Annotated[int, Field(ge=1, le=MOST_UNITS)]
"""Units of one product in one order."""


class OrderReason(Reason):
    """Reasons of the faults of orders."""

    NOT_FOUND = "not_found", "order_not_found"
    DUPLICATE_PRODUCT = "invalid_argument", "duplicate_product"
    UNKNOWN_PRODUCT = "invalid_argument", "unknown_product"
    DISCONTINUED = "invalid_argument", "product_discontinued"
    UNKNOWN_CUSTOMER = "invalid_argument", "unknown_customer"
    NOT_DISPATCHABLE = "conflict", "order_not_dispatchable"
    NOT_CANCELLABLE = "conflict", "order_not_cancellable"
    VERSION_MISMATCH = "conflict", "version_mismatch"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"


class OrderStatus(StrEnum):
    """The status of an order: placed, confirmed, dispatched, delivered. It ends early as refused or cancelled."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    REFUSED = "refused"
    CANCELLED = "cancelled"


NEXT: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.PLACED: frozenset({OrderStatus.CONFIRMED, OrderStatus.REFUSED, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.DISPATCHED, OrderStatus.CANCELLED}),
    OrderStatus.DISPATCHED: frozenset({OrderStatus.DELIVERED}),
}
"""The statuses that may follow each at once; none follows the others."""


def may_become(status: OrderStatus, later: OrderStatus) -> bool:
    """Whether an order with this status may yet reach the other one."""
    following = NEXT.get(status, frozenset())
    return later in following or any(may_become(one, later) for one in following)


class OrderSort(StrEnum):
    """How the list of orders is sorted. `-` sorts descending. Newer orders have higher ids."""

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
    """A product that is short: the units ordered, and the units available."""

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
    updated_at: datetime | None = None
    """When it got this version."""


class Order(OrderSummary):
    """An order. Unknown fields are null."""

    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MOST_LINES)]
    short: Annotated[tuple[ShortLine, ...], Field(max_length=MOST_LINES)]
    """The products that were short, if the order is refused."""
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
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[OrderSummary]
    next_cursor: str | None
    total: Count | None = None
    """How many match on all pages, if the request has `count`."""
    total_estimated: bool = False
    """Whether `total` is an estimate."""


class OrdersFound(Reply):
    """The orders that the caller may see, in the order of the request. `missing` has the ids of the others.

    An order is left out whole if its lines do not fit. Then all that follow it are left out. The first never is.
    """

    items: Items[Order]
    missing: Items[int]
    left_out: Items[int] = ()
    """The ids of the orders that are left out: ask for these again."""


class OrderStep(Reply):
    """A status that an order reached: when, and the id of the event that announced it."""

    status: OrderStatus
    at: datetime
    event_id: str | None
    """Null for Northwind's own orders: no event announced them."""


class OrderHistory(Reply):
    """The statuses that an order has reached, oldest first. Statuses without a known time are left out."""

    order_id: Id
    steps: Annotated[tuple[OrderStep, ...], Field(max_length=len(OrderStatus))]


class NewLine(Request):
    """The quantity of one product."""

    product_id: Id
    quantity: Quantity


class PlaceOrder(Request):
    """Place an order for the caller at current prices. Each product is on one line.

    `customer_id`: the customer that an administrator orders for. The goods go to the customer's address.
    `cart_version`: the version of the caller's cart that becomes this order.
    """

    lines: Annotated[tuple[NewLine, ...], many(MOST_LINES), NOT_EMPTY]
    customer_id: CustomerId | None = None
    cart_version: Version | None = None


class GetOrder(Request):
    """Get one order by id. Users see their own orders, administrators see all."""

    order_id: Id


class GetOrders(Request):
    """Get up to 200 orders by id, with at most 500 lines together.

    Users see their own orders, administrators see all.
    """

    order_ids: Annotated[tuple[Id, ...], many(LONGEST_PAGE), NOT_EMPTY]


class ListOrders(Request):
    """List the orders that match every given filter. Users see their own orders, administrators see all.

    `placed_from` and `placed_until` are days in UTC, both inclusive. `placed_after` and `updated_after` find orders of
    this moment or later, `placed_before` and `updated_before` those from before it.

    `count` asks for the total of all pages: exact up to 10,000, or else PostgreSQL's estimate.
    """

    status: OrderStatus | None = None
    customer_id: CustomerId | None = None
    user_id: UserId | None = None
    placed_from: Day | None = None
    placed_until: Day | None = None
    placed_after: Timestamp | None = None
    placed_before: Timestamp | None = None
    updated_after: Timestamp | None = None
    updated_before: Timestamp | None = None
    sort: OrderSort = OrderSort.ID_DESC
    limit: Limit = 50
    cursor: Cursor | None = None
    count: bool = False


class CancelOrder(Request):
    """Cancel an order before it is dispatched.

    If `expected_version` is given, it must be the current one. Repeating this has no effect.
    """

    order_id: Id
    expected_version: Version | None = None


class GetOrderHistory(Request):
    """Get the statuses that one order has reached. Users see their own orders, administrators see all."""

    order_id: Id


class StartDispatch(Request):
    """Allow the goods of a confirmed order to leave. From then on it cannot be cancelled.

    Repeating this has no effect.
    """

    order_id: Id


class DispatchStarted(Reply):
    """The goods of the order may leave. `started_at` is when this was first allowed."""

    order_id: Id
    started_at: datetime
