"""Stock in PostgreSQL: units in stock, units reserved for orders, and the movements that changed them.

A transaction locks an order's reservation first, then the products in the order of their ids. So no two transactions
wait for each other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from asyncpg import Record
from pydantic import TypeAdapter

from contracts.base import Id
from contracts.orders import ShortLine
from contracts.products import ProductChanged, ProductReason
from contracts.products_stock import (
    ListMovements,
    MovementKind,
    MovementPage,
    Reservation,
    ReservationState,
    ReserveStock,
    Stock,
)
from mesh.core.errors import Invalid, NotFound
from products_svc.faults import not_found, stock_out_of_range
from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.database import INSERTED, Statements, transaction_on, transaction_on_after
from providers.postgres.keyset import Order, Select
from subjects import EVENTS_PRODUCTS_CHANGED, PRODUCTS_STOCK_MOVEMENTS
from worker.postgres import publish

_MOST_UNITS: Final = 2**31 - 1
# Sent as text with the begin. It waits for a running transaction that makes the reservation.
_CLAIM: Final = "INSERT INTO stock_reservations (order_id, state) VALUES ({:d}, '{}') ON CONFLICT DO NOTHING"
_LOCK: Final = """
    SELECT product_id, units_in_stock, units_reserved FROM products
    WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE
"""
# Version and updated_at change with units_in_stock alone: what is reserved is no part of a product's representation.
_MOVE: Final = """
    WITH line AS (
        SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS line (product_id, in_stock, reserved)
    ), kept AS (
        INSERT INTO stock_movements (product_id, in_stock, reserved, kind, order_id, user_id, reason)
        SELECT product_id, in_stock, reserved, $4, $5, $6, $7 FROM line
    )
    UPDATE products SET
        units_in_stock = units_in_stock + in_stock,
        units_reserved = units_reserved + reserved,
        version = version + CASE WHEN in_stock = 0 THEN 0 ELSE 1 END,
        updated_at = CASE WHEN in_stock = 0 THEN updated_at ELSE now() END
    FROM line WHERE products.product_id = line.product_id
    RETURNING products.product_id, products.version, line.in_stock
"""
_NEWEST_FIRST: Final = Order(("movement_id",), TypeAdapter(tuple[Id]), descending=True)
_SHORT: Final = TypeAdapter(tuple[ShortLine, ...])


@dataclass(frozen=True)
class Cause:
    """Why units move, and for whom."""

    kind: MovementKind
    order_id: int | None = None
    user_id: str | None = None
    reason: str | None = None


class Ledger:
    """Reservations and movements, step by step, within the transaction of a connection."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def lock(self, product_ids: Collection[int]) -> dict[int, Stock]:
        """The units of each product that exists. No other transaction changes them until this one ends."""
        rows = await self._connection.fetch(_LOCK, list(product_ids))
        return {row["product_id"]: _stock(row) for row in rows}

    async def move(self, units: Mapping[int, tuple[int, int]], cause: Cause) -> None:
        """Add to each product's units in stock and reserved units, and record the movement.

        `units`: both differences by product. Publishes an event for each product whose units in stock change.
        """
        moved = await self._connection.fetch(
            _MOVE,
            list(units),
            [in_stock for in_stock, _ in units.values()],
            [reserved for _, reserved in units.values()],
            cause.kind,
            cause.order_id,
            cause.user_id,
            cause.reason,
        )
        for row in moved:
            if row["in_stock"]:
                await announce(self._connection, row["product_id"], row["version"])

    async def keep_edit(self, product_id: int, in_stock: int, user_id: str | None) -> None:
        """Record the movement of an edit that has already changed the units in stock."""
        await self._connection.fetch(
            "INSERT INTO stock_movements (product_id, kind, in_stock, reserved, user_id) VALUES ($1, $2, $3, 0, $4)",
            product_id,
            MovementKind.EDITED,
            in_stock,
            user_id,
        )

    async def refuse(self, order_id: int, short: tuple[ShortLine, ...]) -> None:
        """Record that the reservation is refused, with the products that are short."""
        await self._connection.fetch(
            "UPDATE stock_reservations SET state = $2, short = $3 WHERE order_id = $1",
            order_id,
            ReservationState.REFUSED,
            _SHORT.dump_json(short).decode(),
        )

    async def end(self, order_id: int, state: ReservationState, kind: MovementKind, *, in_stock: int) -> None:
        """End the reservation if it still exists. Adds `in_stock` to the units in stock for each reserved unit."""
        ended = await self._connection.fetchrow(
            "UPDATE stock_reservations SET state = $2, updated_at = now()"
            " WHERE order_id = $1 AND state = 'reserved' RETURNING order_id",
            order_id,
            state,
        )
        if ended is None:
            return
        rows = await self._connection.fetch(
            "SELECT product_id, reserved FROM stock_movements WHERE order_id = $1 AND kind = 'reserved'", order_id
        )
        units = {row["product_id"]: (in_stock * row["reserved"], -row["reserved"]) for row in rows}
        await self.lock(units)
        await self.move(units, Cause(kind, order_id=order_id))

    async def reservation(self, order_id: int) -> Reservation:
        """The state of the order's units. Raises NotFound."""
        row = await self._connection.fetchrow(
            "SELECT order_id, state, short FROM stock_reservations WHERE order_id = $1", order_id
        )
        if row is None:
            raise NotFound(ProductReason.NOTHING_RESERVED, f"nothing was reserved for order {order_id}")
        return Reservation(order_id=order_id, state=row["state"], short=_SHORT.validate_json(row["short"]))


async def announce(transaction: Statements, product_id: int, version: int) -> None:
    """Publish that the product has this version now."""
    changed = ProductChanged(product_id=product_id, version=version)
    await publish(transaction, EVENTS_PRODUCTS_CHANGED, changed, aggregate=str(product_id))


class Warehouse:
    """The tables `stock_reservations` and `stock_movements`, and the units of `products`."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self, product_id: int) -> Stock:
        """The product's units. Raises NotFound."""
        row = await self._database.fetchrow(
            "SELECT product_id, units_in_stock, units_reserved FROM products WHERE product_id = $1", product_id
        )
        if row is None:
            raise not_found(product_id)
        return _stock(row)

    async def list_movements(self, request: ListMovements) -> MovementPage:
        """A page of a product's movements, the newest first. Raises NotFound, Invalid for a cursor of another list."""
        await self.get(request.product_id)
        select = Select("movement_id, kind, in_stock, reserved, order_id, user_id, reason, at", "stock_movements")
        select.equal("product_id", request.product_id)
        page = Page.of(PRODUCTS_STOCK_MOVEMENTS.subject, request)
        try:
            rows, following = await select.page(self._database, _NEWEST_FIRST, page)
        except InvalidCursor as error:
            raise Invalid.field("cursor", ProductReason.INVALID_CURSOR, str(error)) from error
        return MovementPage.model_validate({"items": [*map(dict, rows)], "next_cursor": following})

    async def change(self, product_id: int, units: int, cause: Cause) -> Stock:
        """The product with so many units more in stock, or fewer.

        Raises NotFound, and Conflict where fewer would be left than are reserved.
        """
        async with transaction_on(self._database) as connection:
            ledger = Ledger(connection)
            stock = (await ledger.lock([product_id])).get(product_id)
            if stock is None:
                raise not_found(product_id)
            if not stock.units_reserved <= stock.units_in_stock + units <= _MOST_UNITS:
                raise stock_out_of_range(product_id, stock.units_reserved)
            await ledger.move({product_id: (units, 0)}, cause)
            return await Warehouse(connection).get(product_id)

    async def reserve(self, request: ReserveStock) -> Reservation:
        """All lines reserved, or refused with those that are short; if it was done before, what became of them."""
        wanted: dict[int, int] = {}
        for line in request.lines:
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
        claim = _CLAIM.format(request.order_id, ReservationState.RESERVED)
        async with transaction_on_after(self._database, claim) as (connection, tag):
            ledger = Ledger(connection)
            if tag != INSERTED:
                return await ledger.reservation(request.order_id)
            short = _missing(wanted, await ledger.lock(wanted))
            if short:
                await ledger.refuse(request.order_id, short)
                return Reservation(order_id=request.order_id, state=ReservationState.REFUSED, short=short)
            cause = Cause(MovementKind.RESERVED, order_id=request.order_id)
            await ledger.move({key: (0, units) for key, units in wanted.items()}, cause)
            return Reservation(order_id=request.order_id, state=ReservationState.RESERVED, short=())

    async def release(self, order_id: int) -> Reservation:
        """What became of the order's units: released, unless they were refused or committed before."""
        # Where nothing is reserved yet, this keeps a reservation that comes late from being made.
        claim = _CLAIM.format(order_id, ReservationState.RELEASED)
        async with transaction_on_after(self._database, claim) as (connection, tag):
            ledger = Ledger(connection)
            if tag != INSERTED:
                await ledger.end(order_id, ReservationState.RELEASED, MovementKind.RELEASED, in_stock=0)
            return await ledger.reservation(order_id)

    async def commit(self, order_id: int) -> Reservation:
        """What became of the order's units: out of stock, unless they were refused or released before.

        Raises NotFound where nothing was ever reserved.
        """
        async with transaction_on(self._database) as connection:
            ledger = Ledger(connection)
            await ledger.end(order_id, ReservationState.COMMITTED, MovementKind.COMMITTED, in_stock=-1)
            return await ledger.reservation(order_id)


def _missing(wanted: Mapping[int, int], found: Mapping[int, Stock]) -> tuple[ShortLine, ...]:
    """The products with too few available units. An unknown product has none."""
    available = {key: found[key].units_available if key in found else 0 for key in wanted}
    return tuple(
        ShortLine(product_id=key, wanted=units, in_stock=available[key])
        for key, units in wanted.items()
        if available[key] < units
    )


def _stock(row: Record) -> Stock:
    available = row["units_in_stock"] - row["units_reserved"]
    return Stock(**dict(row), units_available=available)
