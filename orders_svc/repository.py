"""The orders in PostgreSQL. Each change of a status stores its event in the same transaction."""

# ruff: noqa: S608  # SQL is built from our own column names; values are parameters

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from pydantic import BaseModel, TypeAdapter

from contracts.base import Id
from contracts.orders import (
    MOST_LINES_TOGETHER,
    NEXT,
    DispatchStarted,
    ListOrders,
    Order,
    OrderHistory,
    OrderPage,
    OrderReason,
    OrdersFound,
    OrderSort,
    OrderStatus,
    OrderStep,
    ShortLine,
    may_become,
)
from contracts.orders_events import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderDispatched,
    OrderPlaced,
    OrderRefused,
)
from mesh.core.errors import Conflict, Invalid
from mesh.core.event import Event
from mesh.events.cloud_event import next_id
from orders_svc.placement import Placement
from orders_svc.rows import SUMMARY, WRITTEN, find_row, order_of, read_orders, read_together, visible
from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.database import Statements
from providers.postgres.keyset import Order as Sorted
from providers.postgres.keyset import Select
from providers.postgres.totals import total_of
from subjects import (
    EVENTS_ORDERS_CANCELLED,
    EVENTS_ORDERS_CONFIRMED,
    EVENTS_ORDERS_DELIVERED,
    EVENTS_ORDERS_DISPATCHED,
    EVENTS_ORDERS_PLACED,
    EVENTS_ORDERS_REFUSED,
    ORDERS_LIST,
)
from worker.postgres import publish

# The names of the WITH queries hide the tables, so that the order is read as it is written.
_PLACE: Final = f"""
    WITH orders AS (
        INSERT INTO orders (status, user_id, customer_id, ship_name, ship_address, ship_city, ship_region,
            ship_postal_code, ship_country)
        VALUES ('placed', $1, $2, $3, $4, $5, $6, $7, $8)
        RETURNING *
    ), step AS (
        INSERT INTO order_steps (order_id, status, event_id) SELECT order_id, 'placed', $13 FROM orders
    ), order_lines AS (
        INSERT INTO order_lines (order_id, position, product_id, product_name, unit_price, quantity)
        SELECT order_id, position, product_id, product_name, unit_price, quantity
        FROM orders, unnest($9::integer[], $10::text[], $11::numeric[], $12::integer[])
            WITH ORDINALITY AS line (product_id, product_name, unit_price, quantity, position)
        RETURNING *
    ) {WRITTEN}
"""
_MOVE: Final = f"""
    WITH orders AS (
        UPDATE orders SET status = $2, version = version + 1, updated_at = now()
        WHERE order_id = $1 AND status = ANY($3) RETURNING *
    ), step AS (
        INSERT INTO order_steps (order_id, status, event_id) SELECT order_id, status, $4 FROM orders
    ) {WRITTEN}
"""
_START_DISPATCH: Final = """
    UPDATE orders SET dispatch_started_at = coalesce(dispatch_started_at, now())
    WHERE order_id = $1 AND status IN ('confirmed', 'dispatched', 'delivered') RETURNING order_id, dispatch_started_at
"""
_DISPATCH: Final = """
    UPDATE orders SET tracking_number = $2, shipped_date = ($3::timestamptz AT TIME ZONE 'UTC')::date
    WHERE order_id = $1
"""
_SHORT: Final = """
    UPDATE order_lines SET in_stock = short.in_stock
    FROM unnest($2::integer[], $3::integer[]) AS short (product_id, in_stock)
    WHERE order_id = $1 AND order_lines.product_id = short.product_id
"""
_FROM: Final = {status: [one for one in OrderStatus if status in NEXT.get(one, ())] for status in OrderStatus}
"""For each status, those from which an order can reach it."""

_ID: Final = TypeAdapter(tuple[Id])
_SORTED: Final = {
    OrderSort.ID: Sorted(("order_id",), _ID),
    OrderSort.ID_DESC: Sorted(("order_id",), _ID, descending=True),
}


class _Moved(NamedTuple):
    """An order with its new status, and the event that announces it."""

    order: Order
    event: Event[Any]
    event_id: UUID


class Orders:
    """The tables `orders`, `order_lines` and `order_steps`. Every change runs in a transaction.

    `owner` is the user whose orders alone are visible; None: all are.
    """

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self, order_id: int, owner: str | None = None) -> Order:
        """The order. Raises NotFound."""
        found = await self.find_many([order_id])
        return visible(found.get(order_id), order_id, owner)

    async def find_many(self, order_ids: Collection[int]) -> dict[int, Order]:
        """The orders that exist, by id."""
        return await read_orders(self._database, order_ids)

    async def get_many(self, order_ids: Collection[int], owner: str | None) -> OrdersFound:
        """The orders of the owner, each once, in this order, as far as their lines fit."""
        asked = [*dict.fromkeys(order_ids)]
        found, left_out = await read_together(self._database, asked, owner, MOST_LINES_TOGETHER)
        return OrdersFound(
            items=tuple(found[one] for one in asked if one in found),
            missing=tuple(one for one in asked if one not in found and one not in left_out),
            left_out=tuple(one for one in asked if one in left_out),
        )

    async def list(self, request: ListOrders, owner: str | None = None) -> OrderPage:
        """A page of the matching orders. Raises Invalid for a cursor of another list."""
        select = Select(SUMMARY, "orders")
        if owner is not None:
            select.equal("user_id", owner)
        for column in ("status", "customer_id", "user_id"):
            if (value := getattr(request, column)) is not None:
                select.equal(column, value)
        if request.placed_from is not None:
            select.where("placed_at >= {}::date", request.placed_from)
        if request.placed_until is not None:
            select.where("placed_at < {}::date + 1", request.placed_until)
        select.between("placed_at", request.placed_after, request.placed_before)
        select.between("updated_at", request.updated_after, request.updated_before)
        total = await total_of(self._database, select) if request.count else {}
        page = Page.of(ORDERS_LIST.subject, request)
        try:
            rows, following = await select.page(self._database, _SORTED[request.sort], page)
        except InvalidCursor as error:
            raise Invalid.field("cursor", OrderReason.INVALID_CURSOR, str(error)) from error
        return OrderPage.model_validate({"items": [*map(dict, rows)], "next_cursor": following, **total})

    async def history(self, order_id: int, owner: str | None = None) -> OrderHistory:
        """The order's steps. Raises NotFound."""
        await find_row(self._database, order_id, owner)
        rows = await self._database.fetch(
            "SELECT status, at, event_id::text FROM order_steps WHERE order_id = $1"
            " ORDER BY at, array_position($2, status)",
            order_id,
            [*OrderStatus],  # two steps of a Northwind order may have the same day
        )
        steps = tuple(OrderStep.model_validate(dict(row)) for row in rows)
        return OrderHistory(order_id=order_id, steps=steps)

    async def place(self, placement: Placement, user_id: str) -> Order:
        """The new order."""
        event_id = uuid4()
        customer, lines = placement.customer, placement.lines
        rows = await self._database.fetch(
            _PLACE,
            user_id,
            customer and customer.customer_id,
            customer and customer.company_name,
            customer and customer.address,
            customer and customer.city,
            customer and customer.region,
            customer and customer.postal_code,
            customer and customer.country,
            [line.product.product_id for line in lines],
            [line.product.product_name for line in lines],
            [line.product.unit_price for line in lines],
            [line.quantity for line in lines],
            event_id,
        )
        order = order_of(rows)
        placed = OrderPlaced.model_validate({**dict(order), "cart_version": placement.cart_version})
        await publish(self._database, EVENTS_ORDERS_PLACED, placed, aggregate=str(order.order_id), event_id=event_id)
        return order

    async def cancel(self, order_id: int, expected_version: int | None, owner: str | None = None) -> Order:
        """The order, cancelled now or before.

        Raises NotFound, Conflict for another version, and Conflict once it is refused or its dispatch has started.
        """
        row = await find_row(self._database, order_id, owner, lock=True)
        if row["status"] == OrderStatus.CANCELLED:
            return await self.get(order_id)
        if expected_version not in (None, row["version"]):
            said = f"order {order_id} has version {row['version']}, not {expected_version}"
            raise Conflict(OrderReason.VERSION_MISMATCH, said, current_version=row["version"])
        if row["status"] == OrderStatus.CONFIRMED and row["dispatch_started_at"] is not None:
            raise Conflict(OrderReason.NOT_CANCELLABLE, f"order {order_id} is being dispatched")
        moved = await self._move(order_id, OrderStatus.CANCELLED, EVENTS_ORDERS_CANCELLED)
        if moved is None:
            raise Conflict(OrderReason.NOT_CANCELLABLE, f"order {order_id} is {row['status']}")
        await self._announce(moved, OrderCancelled.model_validate(dict(moved.order)))
        return moved.order

    async def confirm(self, order_id: int) -> None:
        """Confirm a placed order. Has no effect on an order in a later status. Raises NotFound."""
        if (moved := await self._move(order_id, OrderStatus.CONFIRMED, EVENTS_ORDERS_CONFIRMED)) is not None:
            confirmed = OrderConfirmed.model_validate({**dict(moved.order), "confirmed_at": datetime.now(UTC)})
            await self._announce(moved, confirmed)

    async def refuse(self, order_id: int, short: Collection[ShortLine]) -> None:
        """Refuse a placed order. Has no effect on an order in a later status. Raises NotFound."""
        if (moved := await self._move(order_id, OrderStatus.REFUSED, EVENTS_ORDERS_REFUSED)) is not None:
            products, in_stock = [line.product_id for line in short], [line.in_stock for line in short]
            await self._database.fetch(_SHORT, order_id, products, in_stock)
            refused = OrderRefused(order_id=order_id, user_id=moved.order.user_id, short=tuple(short))
            await self._announce(moved, refused)

    async def start_dispatch(self, order_id: int) -> DispatchStarted:
        """Rule out a cancellation from now on (ADR 26). Raises NotFound, and Conflict unless the order is confirmed."""
        row = await self._database.fetchrow(_START_DISPATCH, order_id)
        if row is None:
            status = (await find_row(self._database, order_id, None))["status"]
            raise Conflict(OrderReason.NOT_DISPATCHABLE, f"order {order_id} is {status}")
        return DispatchStarted(order_id=order_id, started_at=row["dispatch_started_at"])

    async def dispatch(self, order_id: int, tracking_number: str, dispatched_at: datetime) -> None:
        """Record that the goods of a confirmed order have left. Has no effect on an order in a later status.

        Raises NotFound, and Conflict for an order that is not confirmed yet.
        """
        if (moved := await self._move(order_id, OrderStatus.DISPATCHED, EVENTS_ORDERS_DISPATCHED)) is not None:
            await self._database.fetch(_DISPATCH, order_id, tracking_number, dispatched_at)
            left = OrderDispatched(order_id=order_id, user_id=moved.order.user_id, tracking_number=tracking_number)
            await self._announce(moved, left)

    async def deliver(self, order_id: int) -> None:
        """Record that the goods of a dispatched order have arrived. Has no effect on an order in a later status.

        Raises NotFound, and Conflict for an order that is not dispatched yet.
        """
        if (moved := await self._move(order_id, OrderStatus.DELIVERED, EVENTS_ORDERS_DELIVERED)) is not None:
            delivered = OrderDelivered(order_id=order_id, user_id=moved.order.user_id)
            await self._announce(moved, delivered)

    async def _move(self, order_id: int, status: OrderStatus, event: Event[Any]) -> _Moved | None:
        """The order with its new status, and the step recorded; None if its current status does not allow it.

        Raises NotFound, and Conflict if the order must reach another status first.
        """
        event_id = next_id(event, str(order_id))
        step = (order_id, status, _FROM[status], event_id)
        rows = await self._database.fetch(_MOVE, *step)
        if not rows:
            # The order may have moved since; from now on its row is locked.
            before = (await find_row(self._database, order_id, None, lock=True))["status"]
            if before not in _FROM[status]:
                if may_become(OrderStatus(before), status):
                    raise Conflict("order_not_ready", f"order {order_id} is {before}: it cannot be {status} yet")
                return None
            rows = await self._database.fetch(_MOVE, *step)
        return _Moved(order_of(rows), event, event_id)

    async def _announce(self, moved: _Moved, payload: BaseModel) -> None:
        """Publish the event of the order's new status."""
        aggregate = str(moved.order.order_id)
        await publish(self._database, moved.event, payload, aggregate=aggregate, event_id=moved.event_id)
