"""How orders handles the events of stock and shipping, each within the inbox's transaction."""

from contracts.shipping import ShipmentDelivered, ShipmentDispatched
from contracts.stock import StockRefused, StockReserved
from orders_svc.repository import Orders
from subjects import (
    EVENTS_SHIPPING_DELIVERED,
    EVENTS_SHIPPING_DISPATCHED,
    EVENTS_STOCK_REFUSED,
    EVENTS_STOCK_RESERVED,
)
from worker.events import handles


class OrderEvents:
    """The events that change the status of an order."""

    @handles(EVENTS_STOCK_RESERVED)
    async def reserved(self, orders: Orders, event: StockReserved) -> None:
        """Confirm the order."""
        await orders.confirm(event.order_id)

    @handles(EVENTS_STOCK_REFUSED)
    async def refused(self, orders: Orders, event: StockRefused) -> None:
        """Refuse the order."""
        await orders.refuse(event.order_id, event.short)

    @handles(EVENTS_SHIPPING_DISPATCHED)
    async def dispatched(self, orders: Orders, event: ShipmentDispatched) -> None:
        """Record that the goods have left."""
        await orders.dispatch(event.order_id, event.tracking_number, event.dispatched_at)

    @handles(EVENTS_SHIPPING_DELIVERED)
    async def delivered(self, orders: Orders, event: ShipmentDelivered) -> None:
        """Record that the goods have arrived."""
        await orders.deliver(event.order_id)
