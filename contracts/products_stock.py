"""The payloads of `products.stock.*`: units in stock, units reserved for orders, and each movement of them."""

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
    """What became of an order's units.

    Reserved, or refused since there were too few; then released, as the order was cancelled, or committed, as the goods
    left. An order that is cancelled before anything was reserved is released too, and then nothing is reserved for it.
    """

    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASED = "released"
    COMMITTED = "committed"


class MovementKind(StrEnum):
    """What moved units: an order's reservation, its release or commit; goods received; a correction; an edit."""

    RESERVED = "reserved"
    RELEASED = "released"
    COMMITTED = "committed"
    RECEIVED = "received"
    ADJUSTED = "adjusted"
    EDITED = "edited"
    """`products.update` has set `units_in_stock`."""


class Stock(Reply):
    """A product's units: in the warehouse, those of them that orders have reserved, and the rest."""

    product_id: Id
    units_in_stock: Count
    units_reserved: Count
    units_available: Count


class Reservation(Reply):
    """What became of an order's units; `short` says of what there was too little when they were refused."""

    order_id: Id
    state: ReservationState
    short: Annotated[tuple[ShortLine, ...], Field(max_length=MOST_LINES)]


class Movement(Reply):
    """By how many units the stock of a product and the reserved part of it changed, and why."""

    movement_id: Id
    kind: MovementKind
    in_stock: int
    reserved: int
    order_id: int | None
    user_id: str | None
    """The administrator who moved them; null where it was for an order."""
    reason: str | None
    at: datetime


class MovementPage(Reply):
    """A part of the list of movements, the newest first."""

    items: Items[Movement]
    next_cursor: str | None


class GetStock(Request):
    """The units of one product."""

    product_id: Id


class ListMovements(Request):
    """The movements of one product, the newest first."""

    product_id: Id
    limit: Limit = 50
    cursor: Cursor | None = None


class ReserveStock(Request):
    """Reserve all lines of an order, or none. Repeated, it answers what became of the order's units."""

    order_id: Id
    lines: Annotated[tuple[NewLine, ...], many(MOST_LINES), NOT_EMPTY]


class ReleaseStock(Request):
    """Give up what is reserved for an order. Twice is no error."""

    order_id: Id


class CommitStock(Request):
    """Take what is reserved for an order out of stock. Twice is no error."""

    order_id: Id


class ReceiveStock(Request):
    """Add goods that have arrived."""

    product_id: Id
    quantity: Units
    reason: Why


class AdjustStock(Request):
    """Correct the units in stock by so many, up or down; never to fewer than are reserved."""

    product_id: Id
    change: Change
    reason: Why
