"""How shipments are read from their rows."""

# ruff: noqa: S608  # SQL is built from our own column names; values are parameters

from collections.abc import Collection
from typing import Final

from asyncpg import Record
from pydantic import TypeAdapter

from contracts.shipping import Shipment, ShipmentLine, ShippingReason
from mesh.core.errors import NotFound
from providers.postgres.database import Statements

SUMMARY: Final = (
    "shipment_id, order_id, status, user_id, customer_id, shipper_id, tracking_number, created_at, dispatched_at,"
    " delivered_at, stopped_at, version, updated_at"
)
"""The columns of a shipment without its lines and its address."""
_SHIPMENTS: Final = f"""
    SELECT {SUMMARY}, company_name AS shipper_name, ship_name, ship_address, ship_city, ship_region, ship_postal_code,
        ship_country, lines
    FROM shipments LEFT JOIN shippers USING (shipper_id) WHERE shipment_id = ANY($1)
"""
_LOCK: Final = "SELECT status, version FROM shipments WHERE shipment_id = $1 FOR UPDATE"
LINES: Final = TypeAdapter(tuple[ShipmentLine, ...])
"""How the lines of a shipment are stored."""


async def lock_row(database: Statements, shipment_id: int) -> Record:
    """The shipment's status and version. Nobody else changes them until the transaction ends. Raises NotFound."""
    row = await database.fetchrow(_LOCK, shipment_id)
    if row is None:
        raise _not_found(shipment_id)
    return row


async def read_shipments(database: Statements, shipment_ids: Collection[int]) -> dict[int, Shipment]:
    """The shipments that exist, by id."""
    rows = await database.fetch(_SHIPMENTS, list(shipment_ids))
    return {
        row["shipment_id"]: Shipment.model_validate({**dict(row), "lines": LINES.validate_json(row["lines"])})
        for row in rows
    }


def visible(shipment: Shipment | None, shipment_id: int, owner: str | None) -> Shipment:
    """The shipment. Raises NotFound if there is none, or if it is not the owner's; None owns all."""
    if shipment is None or owner not in (None, shipment.user_id):
        raise _not_found(shipment_id)
    return shipment


def _not_found(shipment_id: int) -> NotFound:
    return NotFound(ShippingReason.NOT_FOUND, f"there is no shipment {shipment_id}")
