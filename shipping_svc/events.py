"""How shipping handles the events of orders, each within the inbox's transaction."""

from contracts.orders_events import OrderCancelled, OrderConfirmed
from shipping_svc.repository import Shipments
from subjects import EVENTS_ORDERS_CANCELLED, EVENTS_ORDERS_CONFIRMED
from worker.events import handles


class ShippingEvents:
    """The events that create and stop shipments. They may arrive in any order."""

    @handles(EVENTS_ORDERS_CONFIRMED)
    async def confirmed(self, shipments: Shipments, event: OrderConfirmed) -> None:
        """Create the shipment."""
        await shipments.create(event)

    @handles(EVENTS_ORDERS_CANCELLED)
    async def cancelled(self, shipments: Shipments, event: OrderCancelled) -> None:
        """Stop the shipment."""
        await shipments.stop(event.order_id)
