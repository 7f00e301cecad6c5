"""The orders in PostgreSQL: every query of the service. A status changes in one statement, together with its step."""

# ruff: noqa: S608  # the texts are put together from our own columns; what a caller sends travels beside them

from collections.abc import Mapping
from typing import Final

from asyncpg import Record
from pydantic import TypeAdapter

from contracts.base import Id
from contracts.orders import (
    ListOrders,
    Order,
    OrderHistory,
    OrderLine,
    OrderPage,
    OrderReason,
    OrderSort,
    OrderStatus,
    OrderStep,
    ShortLine,
)
from mesh.core.errors import Conflict, Invalid, NotFound
from orders_svc.placement import Placement
from providers.errors import InvalidCursor
from providers.postgres.database import Statements, transaction_on
from providers.postgres.keyset import Order as Sorted
from providers.postgres.keyset import Select

_SUMMARY = (
    "order_id, status, user_id, customer_id, placed_at, version,"
    " (SELECT sum(amount) FROM order_lines WHERE order_lines.order_id = orders.order_id) AS total"
)
_COLUMNS = (
    f"{_SUMMARY}, employee_id, required_date, shipped_date, ship_via, freight, ship_name, ship_address, ship_city,"
    " ship_region, ship_postal_code, ship_country, tracking_number"
)
_LINES = """
    SELECT product_id, product_name, unit_price, quantity, discount, amount, in_stock
    FROM order_lines WHERE order_id = $1 ORDER BY position
"""
_PLACE = """
    WITH placed AS (
        INSERT INTO orders (status, user_id, customer_id, ship_name, ship_address, ship_city, ship_region,
            ship_postal_code, ship_country)
        VALUES ('placed', $1, $2, $3, $4, $5, $6, $7, $8)
        RETURNING order_id
    ), lines AS (
        INSERT INTO order_lines (order_id, position, product_id, product_name, unit_price, quantity)
        SELECT order_id, position, product_id, product_name, unit_price, quantity
        FROM placed, unnest($9::integer[], $10::text[], $11::numeric[], $12::integer[])
            WITH ORDINALITY AS line (product_id, product_name, unit_price, quantity, position)
    )
    INSERT INTO order_steps (order_id, status) SELECT order_id, 'placed' FROM placed RETURNING order_id
"""
_MOVE = """
    WITH moved AS (
        UPDATE orders SET status = $2, version = version + 1, updated_at = now()
        WHERE order_id = $1 AND status = ANY($3) RETURNING order_id
    )
    INSERT INTO order_steps (order_id, status) SELECT order_id, $2 FROM moved RETURNING status
"""
_FROM: Final[Mapping[OrderStatus, tuple[OrderStatus, ...]]] = {
    OrderStatus.CONFIRMED: (OrderStatus.PLACED,),
    OrderStatus.REFUSED: (OrderStatus.PLACED,),
    OrderStatus.DISPATCHED: (OrderStatus.CONFIRMED,),
    OrderStatus.DELIVERED: (OrderStatus.DISPATCHED,),
    OrderStatus.CANCELLED: (OrderStatus.PLACED, OrderStatus.CONFIRMED),
}
"""The statuses from which each is reached."""

_ID = TypeAdapter(tuple[Id])
_SORTED = {
    OrderSort.ID: Sorted(("order_id",), _ID),
    OrderSort.ID_DESC: Sorted(("order_id",), _ID, descending=True),
}


class Orders:
    """The tables `orders`, `order_lines` and `order_steps`.

    `owner` is the user whose orders alone are there; None: all orders are.
    """

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self, order_id: int, owner: str | None = None) -> Order:
        """The order. Raises NotFound."""
        return await _read(self._database, order_id, owner)

    async def list(self, request: ListOrders, owner: str | None = None) -> OrderPage:
        """A page of the orders that match. Raises Invalid for a cursor of another list."""
        select = Select(_SUMMARY, "orders")
        if owner is not None:
            select.equal("user_id", owner)
        for column in ("status", "customer_id", "user_id"):
            if (value := getattr(request, column)) is not None:
                select.equal(column, value)
        if request.placed_from is not None:
            select.where("placed_at >= {}::date", request.placed_from)
        if request.placed_until is not None:
            select.where("placed_at < {}::date + 1", request.placed_until)
        try:
            rows, following = await select.page(self._database, _SORTED[request.sort], request.limit, request.cursor)
        except InvalidCursor as error:
            raise Invalid.field("cursor", OrderReason.INVALID_CURSOR, str(error)) from error
        return OrderPage.model_validate({"items": [*map(dict, rows)], "next_cursor": following})

    async def history(self, order_id: int, owner: str | None = None) -> OrderHistory:
        """The order's steps. Raises NotFound."""
        await _found(self._database, order_id, owner)
        rows = await self._database.fetch(
            "SELECT status, at, event_id::text FROM order_steps WHERE order_id = $1"
            " ORDER BY at, array_position($2, status)",
            order_id,
            [*OrderStatus],  # of Northwind's, two steps may have the same day
        )
        steps = tuple(OrderStep.model_validate(dict(row)) for row in rows)
        return OrderHistory(order_id=order_id, steps=steps)

    async def place(self, placement: Placement, user_id: str) -> Order:
        """The new order."""
        customer, lines = placement.customer, placement.lines
        row = await self._database.fetchrow(
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
        )
        return await self.get(_there(row)["order_id"])

    async def cancel(self, order_id: int, expected_version: int | None, owner: str | None = None) -> Order:
        """The order, cancelled now or before.

        Raises NotFound, Conflict for another version, and Conflict once it is refused or dispatched.
        """
        async with transaction_on(self._database) as connection:
            row = await _found(connection, order_id, owner, "FOR UPDATE")
            if row["status"] == OrderStatus.CANCELLED:
                return await _read(connection, order_id)
            if expected_version not in (None, row["version"]):
                said = f"order {order_id} is in version {row['version']}, not in {expected_version}"
                raise Conflict(OrderReason.VERSION_MISMATCH, said)
            if not await _move(connection, order_id, OrderStatus.CANCELLED):
                raise Conflict(OrderReason.NOT_CANCELLABLE, f"order {order_id} is {row['status']}")
            return await _read(connection, order_id)


async def _found(database: Statements, order_id: int, owner: str | None = None, lock: str = "") -> Record:
    """The order's row, without its lines. Raises NotFound."""
    row = await database.fetchrow(
        f"SELECT {_COLUMNS} FROM orders WHERE order_id = $1 AND ($2::text IS NULL OR user_id = $2) {lock}",
        order_id,
        owner,
    )
    if row is None:
        raise NotFound(OrderReason.NOT_FOUND, f"there is no order {order_id}")
    return row


async def _read(database: Statements, order_id: int, owner: str | None = None) -> Order:
    """The order with its lines. Raises NotFound."""
    row = await _found(database, order_id, owner)
    lines = await database.fetch(_LINES, order_id)
    return Order.model_validate(
        {
            **dict(row),
            "lines": [OrderLine.model_validate(dict(line)) for line in lines],
            "short": [_short(line) for line in lines if line["in_stock"] is not None],
        }
    )


async def _move(database: Statements, order_id: int, status: OrderStatus) -> bool:
    """Give the order the status, with its step; False where its present status does not lead there."""
    return await database.fetchrow(_MOVE, order_id, status, _FROM[status]) is not None


def _short(line: Record) -> ShortLine:
    return ShortLine(product_id=line["product_id"], wanted=line["quantity"], in_stock=line["in_stock"])


def _there(row: Record | None) -> Record:
    """The row of a statement that always returns one."""
    if row is None:
        raise LookupError("a statement that always returns a row returned none")
    return row
