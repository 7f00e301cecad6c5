"""How an order is read from its rows."""

# ruff: noqa: S608  # the texts are put together from our own columns; what a caller sends travels beside them

from typing import Final

from asyncpg import Record

from contracts.orders import Order, OrderLine, OrderReason, ShortLine
from mesh.core.errors import NotFound
from providers.postgres.database import Statements

SUMMARY: Final = (
    "order_id, status, user_id, customer_id, placed_at, version,"
    " (SELECT sum(amount) FROM order_lines WHERE order_lines.order_id = orders.order_id) AS total"
)
_COLUMNS: Final = (
    f"{SUMMARY}, employee_id, required_date, shipped_date, ship_via, freight, ship_name, ship_address, ship_city,"
    " ship_region, ship_postal_code, ship_country, tracking_number"
)
_LINES: Final = """
    SELECT product_id, product_name, unit_price, quantity, discount, amount, in_stock
    FROM order_lines WHERE order_id = $1 ORDER BY position
"""


async def find_row(database: Statements, order_id: int, owner: str | None = None, *, lock: bool = False) -> Record:
    """The order's row, without its lines; `lock` keeps others from changing it. Raises NotFound.

    `owner` is the user whose orders alone are there; None: all orders are.
    """
    row = await database.fetchrow(
        f"SELECT {_COLUMNS} FROM orders WHERE order_id = $1 AND ($2::text IS NULL OR user_id = $2)"
        f"{' FOR UPDATE' if lock else ''}",
        order_id,
        owner,
    )
    if row is None:
        raise NotFound(OrderReason.NOT_FOUND, f"there is no order {order_id}")
    return row


async def read_order(database: Statements, order_id: int, owner: str | None = None) -> Order:
    """The order with its lines. Raises NotFound."""
    row = await find_row(database, order_id, owner)
    lines = await database.fetch(_LINES, order_id)
    return Order.model_validate(
        {
            **dict(row),
            "lines": [OrderLine.model_validate(dict(line)) for line in lines],
            "short": [_short(line) for line in lines if line["in_stock"] is not None],
        }
    )


def _short(line: Record) -> ShortLine:
    return ShortLine(product_id=line["product_id"], wanted=line["quantity"], in_stock=line["in_stock"])
