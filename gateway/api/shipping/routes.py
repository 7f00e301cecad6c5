"""`/v1/shipments`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts import shipping
from contracts.base import Id
from gateway.api.schemas import InDigits
from gateway.api.shipping.schemas import Shipment, ShipmentPage, ShipmentQuery
from gateway.routing.calls import Call, calls
from gateway.routing.conditional_writes import ExpectedVersion
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, changed, resource
from subjects import SHIPPING_DELIVER, SHIPPING_DISPATCH, SHIPPING_GET, SHIPPING_LIST

router = APIRouter(prefix="/v1/shipments", tags=["shipments"], route_class=JsonRoute)

ShipmentId = Annotated[Id, InDigits, Path(examples=[1])]


@router.get("", summary="List shipments")
async def list_shipments(
    query: Annotated[ShipmentQuery, Query()],
    call: Call[shipping.ListShipments, ShipmentPage] = calls(SHIPPING_LIST, ShipmentPage),
) -> ShipmentPage:
    """List the shipments that match every given filter.

    Users see the shipments of their own orders, administrators see all.
    """
    return await call(query.to_contract())


@router.get("/{shipment_id}", response_model=Shipment, responses=READ, summary="Get a shipment")
async def get_shipment(
    shipment_id: ShipmentId, call: Call[shipping.GetShipment, Shipment] = calls(SHIPPING_GET, Shipment)
) -> Response:
    """Get one shipment by id. Users see the shipments of their own orders, administrators see all."""
    return resource(await call(shipping.GetShipment(shipment_id=shipment_id)))


@router.post("/{shipment_id}/dispatch", response_model=Shipment, responses=changed(), summary="Dispatch a shipment")
async def dispatch_shipment(
    shipment_id: ShipmentId,
    version: ExpectedVersion,
    call: Call[shipping.DispatchShipment, Shipment] = calls(SHIPPING_DISPATCH, Shipment),
) -> Response:
    """Record that the goods have left. The order can no longer be cancelled. Repeating this has no effect."""
    return resource(await call(shipping.DispatchShipment(shipment_id=shipment_id, expected_version=version)))


@router.post("/{shipment_id}/deliver", response_model=Shipment, responses=changed(), summary="Deliver a shipment")
async def deliver_shipment(
    shipment_id: ShipmentId,
    version: ExpectedVersion,
    call: Call[shipping.DeliverShipment, Shipment] = calls(SHIPPING_DELIVER, Shipment),
) -> Response:
    """Record that the goods of a dispatched shipment have arrived. Repeating this has no effect."""
    return resource(await call(shipping.DeliverShipment(shipment_id=shipment_id, expected_version=version)))
