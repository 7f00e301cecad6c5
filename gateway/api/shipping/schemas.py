"""The shapes of `/v1/shipments`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import shipping
from contracts.base import Id, Items, Version
from contracts.customers import CustomerId
from contracts.orders import MOST_LINES
from contracts.shipping import ShipmentSort, ShipmentStatus, TrackingNumber
from gateway.api.schemas import (
    CreatedAfter,
    CreatedBefore,
    InDigits,
    PageCursor,
    PageLimit,
    Query,
    Shown,
    UpdatedAfter,
    UpdatedBefore,
)

_SUMMARY: JsonDict = {
    "shipment_id": 1,
    "order_id": 11078,
    "status": "dispatched",
    "user_id": "0c8e5b7f3f6d4f0e9f7a1d2c3b4a5968",
    "customer_id": None,
    "shipper_id": 3,
    "tracking_number": "NW00000110783",
    "created_at": "2026-07-01T09:30:00Z",
    "dispatched_at": "2026-07-01T12:00:00Z",
    "delivered_at": None,
    "stopped_at": None,
    "version": 2,
    "updated_at": "2026-07-01T12:00:00Z",
}
_LINE: JsonDict = {"product_id": 1, "product_name": "Chai", "quantity": 2}
_SHIPMENT: JsonDict = {**_SUMMARY, "shipper_name": "Federal Shipping", "lines": [_LINE]}


class ShipmentLine(Shown[shipping.ShipmentLine]):
    """Units of one product."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})

    product_id: Id
    product_name: str
    quantity: int


class ShipmentSummary(Shown[shipping.ShipmentSummary]):
    """A shipment without its lines and its address."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    shipment_id: Id
    order_id: Id
    status: ShipmentStatus
    user_id: Annotated[str | None, Field(description="The user who placed the order.")]
    customer_id: CustomerId | None
    shipper_id: int | None
    tracking_number: TrackingNumber
    created_at: datetime
    dispatched_at: datetime | None
    delivered_at: datetime | None
    stopped_at: datetime | None
    version: Version
    updated_at: datetime | None = None


class Shipment(Shown[shipping.Shipment]):
    """A shipment. Unknown fields are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHIPMENT]})

    shipment_id: Id
    order_id: Id
    status: ShipmentStatus
    user_id: Annotated[str | None, Field(description="The user who placed the order.")]
    customer_id: CustomerId | None
    shipper_id: int | None
    shipper_name: str | None
    tracking_number: TrackingNumber
    created_at: datetime
    dispatched_at: datetime | None
    delivered_at: datetime | None
    stopped_at: datetime | None
    ship_name: str | None
    ship_address: str | None
    ship_city: str | None
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str | None
    lines: Annotated[tuple[ShipmentLine, ...], Field(max_length=MOST_LINES)]
    version: Version
    updated_at: datetime | None = None


class ShipmentPage(Shown[shipping.ShipmentPage]):
    """A page of the shipments list. The last page has no `next_cursor`."""

    items: Items[ShipmentSummary]
    next_cursor: str | None


class ShipmentQuery(Query):
    """Filters, order and page of the shipments list."""

    status: ShipmentStatus | None = None
    order_id: Annotated[Id | None, InDigits] = None
    created_after: CreatedAfter = None
    created_before: CreatedBefore = None
    updated_after: UpdatedAfter = None
    updated_before: UpdatedBefore = None
    sort: Annotated[ShipmentSort, Field(description="`-` sorts descending.")] = ShipmentSort.ID_DESC
    limit: PageLimit = 50
    cursor: PageCursor = None

    def to_contract(self) -> shipping.ListShipments:
        """The request to the service, with the filters that were given."""
        return shipping.ListShipments(**self.model_dump(exclude_unset=True))
