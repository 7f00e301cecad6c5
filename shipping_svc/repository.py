"""The shipments in PostgreSQL. Dispatch and delivery store their event in the same transaction."""

from collections.abc import Collection
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from contracts.base import Id
from contracts.orders_events import OrderConfirmed
from contracts.shipping import (
    ListShipments,
    Shipment,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPage,
    ShipmentSort,
    ShipmentStatus,
    ShippingReason,
)
from mesh.core.errors import Conflict, Invalid
from mesh.core.event import Event
from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.connections import Connection
from providers.postgres.database import Statements
from providers.postgres.keyset import Order, Select
from providers.postgres.repository import insertion
from providers.postgres.seed import read_csv
from shipping_svc.rows import LINES, SUMMARY, lock_row, read_shipments, visible
from shipping_svc.tracking import tracking_number
from subjects import EVENTS_SHIPPING_DELIVERED, EVENTS_SHIPPING_DISPATCHED, SHIPPING_LIST
from worker.postgres import publish

# Locks an order that may have no row yet: its confirmation and its cancellation run one after the other.
_TAKE_TURNS: Final = "SELECT pg_advisory_xact_lock($1)"
_KEEP_CANCELLED: Final = "INSERT INTO cancelled_orders (order_id) VALUES ($1) ON CONFLICT DO NOTHING"
_CREATE: Final = """
    WITH cancelled AS (DELETE FROM cancelled_orders WHERE order_id = $1::integer RETURNING cancelled_at)
    INSERT INTO shipments (order_id, status, stopped_at, user_id, customer_id, tracking_number, ship_name, ship_address,
        ship_city, ship_region, ship_postal_code, ship_country, lines, shipper_id)
    SELECT $1::integer, CASE WHEN cancelled_at IS NULL THEN 'pending' ELSE 'stopped' END, cancelled_at, $2, $3, $4, $5,
        $6, $7, $8, $9, $10, $11, (
            SELECT shipper_id
            FROM (SELECT shipper_id, row_number() OVER (ORDER BY shipper_id) AS place, count(*) OVER () AS places
                FROM shippers) AS placed
            WHERE place = 1 + $1::integer % places
        )
    FROM (SELECT) AS one LEFT JOIN cancelled ON true
    ON CONFLICT (order_id) DO NOTHING
"""
_STOP: Final = """
    UPDATE shipments SET status = 'stopped', stopped_at = now(), version = version + 1, updated_at = now()
    WHERE order_id = $1 AND status = 'pending'
"""
_DISPATCH: Final = """
    UPDATE shipments SET status = 'dispatched', dispatched_at = now(), claimed_until = NULL, version = version + 1,
        updated_at = now()
    WHERE shipment_id = $1
"""
_DELIVER: Final = """
    UPDATE shipments SET status = 'delivered', delivered_at = now(), claimed_until = NULL, version = version + 1,
        updated_at = now()
    WHERE shipment_id = $1
"""

EXPIRING: Final = {"cancelled_orders": "cancelled_at"}
"""An order that is cancelled before its confirmation never gets a shipment. Without an expiry its row would stay."""

_ID: Final = TypeAdapter(tuple[Id])
_SORTED: Final = {
    ShipmentSort.ID: Order(("shipment_id",), _ID),
    ShipmentSort.ID_DESC: Order(("shipment_id",), _ID, descending=True),
}


class Shipments:
    """The tables `shipments` and `cancelled_orders`. Every change runs in a transaction.

    `owner` is the user whose shipments alone are visible; None: all are.
    """

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self, shipment_id: int, owner: str | None = None) -> Shipment:
        """The shipment. Raises NotFound."""
        found = await self.find_many([shipment_id])
        return visible(found.get(shipment_id), shipment_id, owner)

    async def find_many(self, shipment_ids: Collection[int]) -> dict[int, Shipment]:
        """The shipments that exist, by id."""
        return await read_shipments(self._database, shipment_ids)

    async def list(self, request: ListShipments, owner: str | None = None) -> ShipmentPage:
        """A page of the matching shipments. Raises Invalid for a cursor of another list."""
        select = Select(SUMMARY, "shipments")
        for column, value in (("user_id", owner), ("status", request.status), ("order_id", request.order_id)):
            if value is not None:
                select.equal(column, value)
        select.between("created_at", request.created_after, request.created_before)
        select.between("updated_at", request.updated_after, request.updated_before)
        page = Page.of(SHIPPING_LIST.subject, request)
        try:
            rows, next_cursor = await select.page(self._database, _SORTED[request.sort], page)
        except InvalidCursor as error:
            raise Invalid.field("cursor", ShippingReason.INVALID_CURSOR, str(error)) from error
        return ShipmentPage.model_validate({"items": [*map(dict, rows)], "next_cursor": next_cursor})

    async def create(self, order: OrderConfirmed) -> None:
        """Create the order's shipment, unless it has one. If the order is already cancelled, it is stopped."""
        await self._database.fetch(_TAKE_TURNS, order.order_id)
        await self._database.fetch(
            _CREATE,
            order.order_id,
            order.user_id,
            order.customer_id,
            tracking_number(order.order_id),
            order.ship_name,
            order.ship_address,
            order.ship_city,
            order.ship_region,
            order.ship_postal_code,
            order.ship_country,
            LINES.dump_json(LINES.validate_python([dict(line) for line in order.lines])).decode(),
        )

    async def stop(self, order_id: int) -> None:
        """Stop the pending shipment of a cancelled order. If there is none yet, it will be created as stopped."""
        await self._database.fetch(_TAKE_TURNS, order_id)
        if await self._database.fetchrow("SELECT FROM shipments WHERE order_id = $1", order_id) is None:
            await self._database.fetch(_KEEP_CANCELLED, order_id)
        else:
            await self._database.fetch(_STOP, order_id)

    async def dispatch(self, shipment_id: int, expected_version: int | None) -> Shipment:
        """Dispatch the shipment, unless it is dispatched already. Ask orders first whether the goods may leave.

        Raises NotFound, Conflict for another version, and Conflict for a stopped shipment.
        """
        row = await lock_row(self._database, shipment_id)
        if row["status"] in (ShipmentStatus.DISPATCHED, ShipmentStatus.DELIVERED):
            return await self.get(shipment_id)
        _refuse_other_version(shipment_id, row["version"], expected_version)
        _refuse_stopped(shipment_id, row["status"])
        await self._database.fetch(_DISPATCH, shipment_id)
        shipment = await self.get(shipment_id)
        await self._announce(EVENTS_SHIPPING_DISPATCHED, ShipmentDispatched.model_validate(dict(shipment)))
        return shipment

    async def deliver(self, shipment_id: int, expected_version: int | None) -> Shipment:
        """Deliver the shipment, unless it is delivered already.

        Raises NotFound, Conflict for another version, and Conflict for a shipment that is pending or stopped.
        """
        row = await lock_row(self._database, shipment_id)
        if row["status"] == ShipmentStatus.DELIVERED:
            return await self.get(shipment_id)
        _refuse_other_version(shipment_id, row["version"], expected_version)
        _refuse_stopped(shipment_id, row["status"])
        if row["status"] == ShipmentStatus.PENDING:
            raise Conflict(ShippingReason.NOT_DISPATCHED, f"shipment {shipment_id} is not dispatched yet")
        await self._database.fetch(_DELIVER, shipment_id)
        shipment = await self.get(shipment_id)
        await self._announce(EVENTS_SHIPPING_DELIVERED, ShipmentDelivered.model_validate(dict(shipment)))
        return shipment

    async def _announce(self, event: Event[Any], payload: ShipmentDispatched | ShipmentDelivered) -> None:
        await publish(self._database, event, payload, aggregate=str(payload.shipment_id))


def _refuse_other_version(shipment_id: int, version: int, expected: int | None) -> None:
    if expected not in (None, version):
        said = f"shipment {shipment_id} has version {version}, not {expected}"
        raise Conflict(ShippingReason.VERSION_MISMATCH, said, current_version=version)


def _refuse_stopped(shipment_id: int, status: str) -> None:
    if status == ShipmentStatus.STOPPED:
        raise Conflict(ShippingReason.STOPPED, f"shipment {shipment_id} is stopped: its order is cancelled")


async def seed(connection: Connection) -> None:
    """Insert Northwind's shippers. Existing rows stay."""
    rows = [Shipper.model_validate(row).model_dump() for row in read_csv("shipping_svc", "shippers")]
    sql = f"{insertion('shippers', rows[0])} ON CONFLICT DO NOTHING"
    await connection.executemany(sql, [tuple(row.values()) for row in rows])


class Shipper(BaseModel):
    """A company that delivers goods."""

    shipper_id: int
    company_name: str
    phone: str | None
