"""Fills a new database with Northwind's 830 orders and their 2,155 lines."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from contracts.orders import OrderStatus
from providers.postgres.connections import Connection
from providers.postgres.repository import insertion
from providers.postgres.seed import read_csv

_LAST_DAY: Final = date(1998, 5, 6)
"""The day of Northwind's last orders."""


class _Order(BaseModel):
    """A row of orders.csv."""

    order_id: int
    customer_id: str
    employee_id: int
    order_date: date
    required_date: date
    shipped_date: date | None
    ship_via: int
    freight: Decimal
    ship_name: str
    ship_address: str
    ship_city: str
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str

    @property
    def status(self) -> OrderStatus:
        """Confirmed until it is shipped. Then delivered if it was required by the last day, and dispatched if later."""
        if self.shipped_date is None:
            return OrderStatus.CONFIRMED
        return OrderStatus.DELIVERED if self.required_date <= _LAST_DAY else OrderStatus.DISPATCHED

    def row(self) -> dict[str, Any]:
        """The order by column."""
        columns = self.model_dump(exclude={"order_date"})
        return {**columns, "status": self.status, "placed_at": _midnight(self.order_date)}

    def steps(self) -> Iterator[dict[str, Any]]:
        """Its steps with a known day."""
        yield {"order_id": self.order_id, "status": OrderStatus.PLACED, "at": _midnight(self.order_date)}
        if self.shipped_date is not None:
            yield {"order_id": self.order_id, "status": OrderStatus.DISPATCHED, "at": _midnight(self.shipped_date)}


class _Line(BaseModel):
    """A row of order_lines.csv."""

    order_id: int
    product_id: int
    unit_price: Decimal
    quantity: int
    discount: Decimal


async def seed(connection: Connection) -> None:
    """Insert Northwind's orders. Existing rows stay."""
    orders = [_Order.model_validate(row) for row in read_csv("orders_svc", "orders")]
    lines = [_Line.model_validate(row) for row in read_csv("orders_svc", "order_lines")]
    names = {int(row["product_id"] or 0): row["product_name"] for row in read_csv("orders_svc", "product_names")}
    tables: dict[str, list[dict[str, Any]]] = {
        "orders": [order.row() for order in orders],
        # The file lists the lines of an order by their position.
        "order_lines": [
            {**line.model_dump(), "product_name": names[line.product_id], "position": position}
            for position, line in enumerate(lines)
        ],
        "order_steps": [step for order in orders for step in order.steps()],
    }
    for table, rows in tables.items():
        sql = f"{insertion(table, rows[0])} ON CONFLICT DO NOTHING"
        await connection.executemany(sql, [tuple(row.values()) for row in rows])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
