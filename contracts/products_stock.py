"""The payloads of `products.stock.*`: units in stock, units reserved for orders, and the movements of both."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.base import NOT_EMPTY, Count, Cursor, Id, Items, Limit, Reply, Request, many, text
from contracts.orders import MOST_LINES, NewLine, ShortLine

_MOST_UNITS = 1_000_000
Units = Annotated[int, Field(ge=1, le=_MOST_UNITS)]
Change = Annotated[int, Field(ge=-_MOST_UNITS, le=_MOST_UNITS)]
Why = Annotated[str, text(200)]


class ReservationState(StrEnum):
    """The state of an order's reservation.

    A reservation is refused if a product is short. It is released if the order is cancelled, and committed when the
    goods leave. If the order is cancelled before its reservation, the state is released and nothing is reserved.
    """

    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASED = "released"
    COMMITTED = "committed"


class MovementKind(StrEnum):
    """Why units moved: an order's reservation, release or commit, received goods, a correction, or an edit."""

    RESERVED = "reserved"
    RELEASED = "released"
    COMMITTED = "committed"
    RECEIVED = "received"
    ADJUSTED = "adjusted"
    EDITED = "edited"
    """`products.update` set `units_in_stock`."""


class Stock(Reply):
    """The units of a product: in the warehouse, reserved by orders, and available (the difference)."""

    product_id: Id
    units_in_stock: Count
    units_reserved: Count
    units_available: Count


class Reservation(Reply):
    """The reservation of an order. If it is refused, `short` lists the products that were short."""

    order_id: Id
    state: ReservationState
    short: Annotated[tuple[ShortLine, ...], Field(max_length=MOST_LINES)]


class Movement(Reply):
    """A change of a product's stock: by how many units in stock, by how many reserved, and why."""

    movement_id: Id
    kind: MovementKind
    in_stock: int
    reserved: int
    order_id: int | None
    user_id: str | None
    """The administrator who moved the units. Null if an order did."""
    reason: str | None
    at: datetime


class MovementPage(Reply):
    """A page of the movements, newest first. The last page has no `next_cursor`."""

    items: Items[Movement]
    next_cursor: str | None


class GetStock(Request):
    """Get the units of one product."""

    product_id: Id


class ListMovements(Request):
    """List the movements of one product, newest first."""

    product_id: Id
    limit: Limit = 50
    cursor: Cursor | None = None


class ReserveStock(Request):
    """Reserve all lines of an order, or none. Repeating this returns the state of the reservation."""

    order_id: Id
    lines: Annotated[tuple[NewLine, ...], many(MOST_LINES), NOT_EMPTY]


class ReleaseStock(Request):
    """Release the units that are reserved for an order. Repeating this has no effect."""

    order_id: Id


class CommitStock(Request):
    """Take the units that are reserved for an order out of stock. Repeating this has no effect."""

    order_id: Id


class ReceiveStock(Request):
    """Add goods that have arrived."""

    product_id: Id
    quantity: Units
    reason: Why


class AdjustStock(Request):
    """Correct the units in stock by `change`, up or down. The result cannot be lower than the units reserved."""

    product_id: Id
    change: Change
    reason: Why
