"""What `orders` does when others announce something: each method within the inbox's transaction."""

from contracts.stock import StockRefused, StockReserved
from orders_svc.repository import Orders
from subjects import EVENTS_STOCK_REFUSED, EVENTS_STOCK_RESERVED
from worker.events import handles


class OrderEvents:
    """The events that take an order from one status to the next."""

    @handles(EVENTS_STOCK_RESERVED)
    async def reserved(self, orders: Orders, event: StockReserved) -> None:
        """Confirm the order."""
        await orders.confirm(event.order_id)

    @handles(EVENTS_STOCK_REFUSED)
    async def refused(self, orders: Orders, event: StockRefused) -> None:
        """Refuse the order."""
        await orders.refuse(event.order_id, event.short)
