"""The payloads of `shipping.*`, and of the events that shipping announces."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.base import Cursor, Form, Id, Items, Limit, Reason, Reply, Request, Timestamp, Version
from contracts.customers import CustomerId
from contracts.orders import MOST_LINES

TrackingNumber = Annotated[str, Form(r"^[!-~]+$", "must be letters, digits and signs of ASCII, without spaces", 1, 64)]


class ShippingReason(Reason):
    """Reasons of the faults of shipping."""

    NOT_FOUND = "not_found", "shipment_not_found"
    STOPPED = "conflict", "shipment_stopped"
    NOT_DISPATCHED = "conflict", "shipment_not_dispatched"
    VERSION_MISMATCH = "conflict", "version_mismatch"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"


class ShipmentStatus(StrEnum):
    """The status of a shipment: pending, dispatched, delivered. A pending shipment of a cancelled order is stopped."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    STOPPED = "stopped"


class ShipmentSort(StrEnum):
    """How the list of shipments is sorted. `-` sorts descending. Newer shipments have higher ids."""

    ID = "shipment_id"
    ID_DESC = "-shipment_id"


class ShipmentLine(Reply):
    """Units of one product to pack."""

    product_id: Id
    product_name: str
    quantity: int


class ShipmentSummary(Reply):
    """A shipment without its lines and its address. Each order has at most one."""

    shipment_id: Id
    order_id: Id
    status: ShipmentStatus
    user_id: str | None
    """The user who placed the order."""
    customer_id: CustomerId | None
    shipper_id: int | None
    """Null if no shipper is known."""
    tracking_number: TrackingNumber
    created_at: datetime
    dispatched_at: datetime | None
    delivered_at: datetime | None
    stopped_at: datetime | None
    version: Version
    updated_at: datetime | None = None
    """When it got this version."""


class Shipment(ShipmentSummary):
    """A shipment. Unknown fields are null."""

    shipper_name: str | None
    ship_name: str | None
    ship_address: str | None
    ship_city: str | None
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str | None
    lines: Annotated[tuple[ShipmentLine, ...], Field(max_length=MOST_LINES)]


class ShipmentPage(Reply):
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[ShipmentSummary]
    next_cursor: str | None


class GetShipment(Request):
    """Get one shipment by id. Users see the shipments of their own orders, administrators see all."""

    shipment_id: Id


class ListShipments(Request):
    """List the shipments that match every given filter.

    Users see the shipments of their own orders, administrators see all. `created_after` and `updated_after` find
    shipments of this moment or later, `created_before` and `updated_before` those from before it.
    """

    status: ShipmentStatus | None = None
    order_id: Id | None = None
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    updated_after: Timestamp | None = None
    updated_before: Timestamp | None = None
    sort: ShipmentSort = ShipmentSort.ID_DESC
    limit: Limit = 50
    cursor: Cursor | None = None


class DispatchShipment(Request):
    """Record that the goods have left. The order can no longer be cancelled.

    If `expected_version` is given, it must be the current one. Repeating this has no effect.
    """

    shipment_id: Id
    expected_version: Version | None = None


class DeliverShipment(Request):
    """Record that the goods of a dispatched shipment have arrived.

    If `expected_version` is given, it must be the current one. Repeating this has no effect.
    """

    shipment_id: Id
    expected_version: Version | None = None


class ShipmentDispatched(Reply):
    """The goods of an order have left."""

    shipment_id: Id
    order_id: Id
    tracking_number: TrackingNumber
    dispatched_at: datetime


class ShipmentDelivered(Reply):
    """The goods of an order have arrived."""

    shipment_id: Id
    order_id: Id
    delivered_at: datetime
