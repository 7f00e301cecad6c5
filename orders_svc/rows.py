"""How orders are read from their rows."""

# ruff: noqa: S608  # SQL is built from our own column names; values are parameters

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from asyncpg import Record

from contracts.orders import Order, OrderLine, OrderReason, ShortLine
from mesh.core.errors import NotFound
from providers.postgres.database import Statements

SUMMARY: Final = (
    "order_id, status, user_id, customer_id, placed_at, version, updated_at,"
    " (SELECT sum(amount) FROM order_lines WHERE order_lines.order_id = orders.order_id) AS total"
)
"""The columns of an order without its lines."""
_COLUMNS: Final = (
    f"{SUMMARY}, employee_id, required_date, shipped_date, ship_via, freight, ship_name, ship_address, ship_city,"
    " ship_region, ship_postal_code, ship_country, tracking_number"
)
_LINE: Final = ("product_id", "product_name", "unit_price", "quantity", "discount", "amount", "in_stock")
_READ: Final = f"""
    SELECT one.*, {", ".join(_LINE)}
    FROM (SELECT {_COLUMNS} FROM orders{{where}}) AS one
    LEFT JOIN order_lines USING (order_id) ORDER BY order_id, position
"""
WRITTEN: Final = _READ.format(where="")
"""Reads the order that the same statement writes, in a WITH query `orders`, and `order_lines` if it writes lines."""
_MANY: Final = _READ.format(where=" WHERE order_id = ANY($1)")
# PostgreSQL plans the read of an array anew each time, which takes longer than the read: it guesses ten keys for a plan
# that it would keep.
_ONE: Final = _READ.format(where=" WHERE order_id = $1")
_TOGETHER: Final = f"""
    SELECT one.*, {", ".join(_LINE)}
    FROM (
        SELECT {_COLUMNS}, sum((SELECT count(*) FROM order_lines WHERE order_lines.order_id = orders.order_id))
            OVER (ORDER BY array_position($1::integer[], order_id)) <= $3 AS fits
        FROM orders WHERE order_id = ANY($1) AND ($2::text IS NULL OR user_id = $2)
    ) AS one
    LEFT JOIN order_lines ON fits AND order_lines.order_id = one.order_id ORDER BY one.order_id, position
"""
_ROW: Final = """
    SELECT status, version, dispatch_started_at FROM orders WHERE order_id = $1 AND ($2::text IS NULL OR user_id = $2)
"""


async def find_row(database: Statements, order_id: int, owner: str | None, *, lock: bool = False) -> Record:
    """The order's status, version and start of dispatch. Raises NotFound.

    With `lock`, nobody else changes the order until the transaction ends. `owner` is the user whose orders alone are
    visible; None: all are.
    """
    row = await database.fetchrow(f"{_ROW}{' FOR UPDATE' if lock else ''}", order_id, owner)
    if row is None:
        raise _not_found(order_id)
    return row


async def read_orders(database: Statements, order_ids: Collection[int]) -> dict[int, Order]:
    """The orders that exist, with their lines, by id."""
    ids = list(order_ids)
    return _orders(await (database.fetch(_ONE, ids[0]) if len(ids) == 1 else database.fetch(_MANY, ids)))


async def read_together(
    database: Statements, order_ids: Sequence[int], owner: str | None, lines: int
) -> tuple[dict[int, Order], set[int]]:
    """The owner's orders by id, in this order until they have so many lines, and the ids of those behind."""
    rows = await database.fetch(_TOGETHER, order_ids, owner, lines)
    left_out = {row["order_id"] for row in rows if not row["fits"]}
    return _orders(row for row in rows if row["fits"]), left_out


def visible(order: Order | None, order_id: int, owner: str | None) -> Order:
    """The order. Raises NotFound if there is none, or if it is not the owner's; None owns all."""
    if order is None or owner not in (None, order.user_id):
        raise _not_found(order_id)
    return order


def _orders(rows: Iterable[Record]) -> dict[int, Order]:
    """The orders of these rows, by id."""
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for row in rows:
        found[row["order_id"]].append(row)
    return {order_id: order_of(of_one) for order_id, of_one in found.items()}


def order_of(rows: Sequence[Record]) -> Order:
    """The order of its rows, one for each line. An order without lines has one row with nulls for its line."""
    lines = [row for row in rows if row["product_id"] is not None]
    return Order.model_validate(
        {
            **dict(rows[0]),
            "lines": [OrderLine.model_validate(dict(line)) for line in lines],
            "short": [_short(line) for line in lines if line["in_stock"] is not None],
        }
    )


def _short(line: Record) -> ShortLine:
    return ShortLine(product_id=line["product_id"], wanted=line["quantity"], in_stock=line["in_stock"])


def _not_found(order_id: int) -> NotFound:
    return NotFound(OrderReason.NOT_FOUND, f"there is no order {order_id}")
