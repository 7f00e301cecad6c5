"""The handlers of `shipping.*`, one method per endpoint."""

from contracts.shipping import (
    DeliverShipment,
    DispatchShipment,
    GetShipment,
    ListShipments,
    Shipment,
    ShipmentPage,
    ShipmentStatus,
)
from loading.batch_loader import BatchLoader
from mesh.core import context
from mesh.security.verifier import ADMIN
from mesh.service.idempotency import IdempotentWrites
from shipping_svc.departures import Departures
from shipping_svc.repository import Shipments
from shipping_svc.rows import visible
from subjects import SHIPPING_DELIVER, SHIPPING_DISPATCH, SHIPPING_GET, SHIPPING_LIST
from worker.answers import answers
from worker.traced_reads import trace_read


class Handlers:
    """The endpoints of the shipping service. Users see the shipments of their own orders; administrators see all."""

    def __init__(self, shipments: Shipments, writes: IdempotentWrites[Shipments], departures: Departures) -> None:
        self._shipments = shipments
        self._by_id = BatchLoader(shipments.find_many, trace=trace_read)
        self._writes = writes
        self._departures = departures

    @answers(SHIPPING_GET)
    async def get(self, request: GetShipment) -> Shipment:
        """One shipment. Raises NotFound, also for another user's."""
        shipment = await self._by_id.find(request.shipment_id)
        return visible(shipment, request.shipment_id, _owner())

    @answers(SHIPPING_LIST)
    async def list(self, request: ListShipments) -> ShipmentPage:
        """A page of shipments. Raises Invalid for a cursor of another list."""
        return await self._shipments.list(request, _owner())

    @answers(SHIPPING_DISPATCH)
    async def dispatch(self, request: DispatchShipment) -> Shipment:
        """The dispatched shipment. Raises NotFound, and Conflict for another version or a cancelled order."""
        if (answered := await self._writes.answered(SHIPPING_DISPATCH, request)) is not None:
            return answered
        shipment = await self._shipments.get(request.shipment_id)
        # Before the transaction: no connection waits for another service.
        if shipment.status is ShipmentStatus.PENDING and request.expected_version in (None, shipment.version):
            await self._departures.permit(shipment.order_id)
        return await self._writes(
            SHIPPING_DISPATCH,
            request,
            lambda shipments: shipments.dispatch(request.shipment_id, request.expected_version),
        )

    @answers(SHIPPING_DELIVER)
    async def deliver(self, request: DeliverShipment) -> Shipment:
        """The delivered shipment. Raises NotFound, and Conflict for another version or a shipment not dispatched."""
        return await self._writes(
            SHIPPING_DELIVER,
            request,
            lambda shipments: shipments.deliver(request.shipment_id, request.expected_version),
        )


def _owner() -> str | None:
    """The user whose shipments the caller may see; None for all."""
    caller = context.caller()
    return None if ADMIN in caller.roles else caller.user_id
