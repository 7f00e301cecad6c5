"""The shapes of `/v1/orders`."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import orders
from contracts.auth import UserId
from contracts.base import NOT_EMPTY, Count, Day, Id, Items, Request, Timestamp, Version, many
from contracts.customers import CustomerId
from contracts.orders import MOST_LINES, NewLine, OrderSort, OrderStatus
from gateway.api.schemas import (
    MoneyShown,
    PageCursor,
    PageLimit,
    Query,
    Shown,
    Total,
    TotalEstimated,
    TotalShown,
    UpdatedAfter,
    UpdatedBefore,
    WithTotal,
)

_SUMMARY: JsonDict = {
    "order_id": 11078,
    "status": "placed",
    "user_id": "0c8e5b7f3f6d4f0e9f7a1d2c3b4a5968",
    "customer_id": None,
    "placed_at": "2026-07-01T09:30:00Z",
    "total": "36.00",
    "version": 1,
    "updated_at": "2026-07-01T09:30:00Z",
}
_LINE: JsonDict = {
    "product_id": 1,
    "product_name": "Chai",
    "unit_price": "18.00",
    "quantity": 2,
    "discount": "0.00",
    "amount": "36.00",
}
_ORDER: JsonDict = {**_SUMMARY, "lines": [_LINE], "short": []}
_STEP: JsonDict = {
    "status": "placed",
    "at": "2026-07-01T09:30:00Z",
    "event_id": "6f1f2a0e-3c2b-4d5e-8f90-a1b2c3d4e5f6",
}


class OrderLine(Shown[orders.OrderLine]):
    """One product of an order, with the name and the price that it had when the order was placed."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})

    product_id: Id
    product_name: str
    unit_price: MoneyShown
    quantity: int
    discount: Annotated[MoneyShown, Field(description="A fraction: 0.15 is 15 %.")]
    amount: Annotated[TotalShown, Field(description="unit_price * quantity * (1 - discount), half-up to cents.")]


class ShortLine(Shown[orders.ShortLine]):
    """A product that is short."""

    product_id: Id
    wanted: int
    in_stock: Count


class OrderSummary(Shown[orders.OrderSummary]):
    """An order without its lines."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    order_id: Id
    status: OrderStatus
    user_id: Annotated[str | None, Field(description="Who placed it; null for Northwind's own orders.")]
    customer_id: CustomerId | None
    placed_at: datetime
    total: TotalShown
    version: Version
    updated_at: datetime | None = None


class Order(Shown[orders.Order]):
    """An order. Unknown fields are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ORDER]})

    order_id: Id
    status: OrderStatus
    user_id: Annotated[str | None, Field(description="Who placed it; null for Northwind's own orders.")]
    customer_id: CustomerId | None
    placed_at: datetime
    total: TotalShown
    version: Version
    updated_at: datetime | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MOST_LINES)]
    short: Annotated[
        tuple[ShortLine, ...],
        Field(max_length=MOST_LINES, description="The products that were short, if the order is refused."),
    ]
    employee_id: int | None
    required_date: date | None
    shipped_date: date | None
    ship_via: Annotated[int | None, Field(description="The shipper's id.")]
    freight: MoneyShown | None
    ship_name: str | None
    ship_address: str | None
    ship_city: str | None
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str | None
    tracking_number: str | None


class OrderPage(Shown[orders.OrderPage]):
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[OrderSummary]
    next_cursor: str | None
    total: Total = None
    total_estimated: TotalEstimated = False


class LinesOfOrder(Shown[orders.Order]):
    """What `expand` adds to an order in a list."""

    order_id: Id
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MOST_LINES)]


class OrdersFound(Shown[orders.OrdersFound]):
    """The lines of the orders of a page."""

    items: Items[LinesOfOrder]
    left_out: Items[int] = ()


class OrderStep(Shown[orders.OrderStep]):
    """A status that an order reached: when, and the id of the event that announced it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    status: OrderStatus
    at: datetime
    event_id: str | None


class OrderHistory(Shown[orders.OrderHistory]):
    """The statuses that an order has reached, oldest first. Statuses without a known time are left out."""

    order_id: Id
    steps: Annotated[tuple[OrderStep, ...], Field(max_length=len(OrderStatus))]


class CustomerOrderQuery(Query):
    """Filters, order and page of the list of one customer's orders."""

    status: OrderStatus | None = None
    user_id: Annotated[UserId | None, Field(description="Who placed it.")] = None
    placed_from: Annotated[Day | None, Field(description="Placed on this day (UTC) or later.")] = None
    placed_until: Annotated[Day | None, Field(description="Placed on this day (UTC) or earlier.")] = None
    placed_after: Annotated[Timestamp | None, Field(description="Placed at this moment or later.")] = None
    placed_before: Annotated[Timestamp | None, Field(description="Placed before this moment.")] = None
    updated_after: UpdatedAfter = None
    updated_before: UpdatedBefore = None
    sort: Annotated[OrderSort, Field(description="`-` sorts descending.")] = OrderSort.ID_DESC
    limit: PageLimit = 50
    cursor: PageCursor = None
    count: WithTotal = False


class OrderQuery(CustomerOrderQuery):
    """Filters, order and page of the list of orders."""

    customer_id: CustomerId | None = None

    def to_contract(self) -> orders.ListOrders:
        """The request to the service, with the filters that were given."""
        return orders.ListOrders(**self.model_dump(exclude_unset=True))


class NewOrder(Request):
    """A new order at current prices. Each product is on one line."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": [{"product_id": 1, "quantity": 2}]}]})

    lines: Annotated[tuple[NewLine, ...], many(MOST_LINES), NOT_EMPTY]
    customer_id: Annotated[CustomerId | None, Field(description="For administrators: the customer to order for.")] = (
        None
    )

    def to_contract(self) -> orders.PlaceOrder:
        """The request to the service."""
        return orders.PlaceOrder(**{name: getattr(self, name) for name in self.model_fields_set})
