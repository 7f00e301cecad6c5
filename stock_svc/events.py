"""How stock handles the events of orders: it has their goods reserved, released and taken out of stock.

The service has no store. A handler that runs again has the same effect: products does each step once for an order, and
the id of the published event follows from the handled event.
"""

from pydantic import ValidationError

from contracts.orders_events import OrderCancelled, OrderDispatched, OrderPlaced
from contracts.products_stock import CommitStock, ReleaseStock, ReservationState, ReserveStock
from contracts.stock import StockRefused, StockReserved
from mesh.client.client import Client
from mesh.wire.validation import invalid_payload
from subjects import (
    EVENTS_ORDERS_CANCELLED,
    EVENTS_ORDERS_DISPATCHED,
    EVENTS_ORDERS_PLACED,
    EVENTS_STOCK_REFUSED,
    EVENTS_STOCK_RESERVED,
    PRODUCTS_STOCK_COMMIT,
    PRODUCTS_STOCK_RELEASE,
    PRODUCTS_STOCK_RESERVE,
)
from worker.events import Publisher, handles


class StockEvents:
    """The events that move stock."""

    def __init__(self, client: Client, publisher: Publisher) -> None:
        self._client = client
        self._publisher = publisher

    @handles(EVENTS_ORDERS_PLACED)
    async def placed(self, event: OrderPlaced) -> None:
        """Reserve the goods of the order, and announce whether they are reserved. Raises Invalid."""
        reservation = await self._client.call(PRODUCTS_STOCK_RESERVE, _reservation(event))
        aggregate = str(event.order_id)
        match reservation.state:
            case ReservationState.REFUSED:
                refused = StockRefused(order_id=event.order_id, short=reservation.short)
                await self._publisher.publish(EVENTS_STOCK_REFUSED, refused, aggregate=aggregate)
            case ReservationState.RESERVED | ReservationState.COMMITTED:  # committed: this is a repetition
                reserved = StockReserved(order_id=event.order_id)
                await self._publisher.publish(EVENTS_STOCK_RESERVED, reserved, aggregate=aggregate)
            case ReservationState.RELEASED:
                """The order was cancelled meanwhile. Nobody waits for its goods."""

    @handles(EVENTS_ORDERS_CANCELLED)
    async def cancelled(self, event: OrderCancelled) -> None:
        """Release the goods of the order."""
        await self._client.call(PRODUCTS_STOCK_RELEASE, ReleaseStock(order_id=event.order_id))

    @handles(EVENTS_ORDERS_DISPATCHED)
    async def dispatched(self, event: OrderDispatched) -> None:
        """Take the order's goods out of stock."""
        await self._client.call(PRODUCTS_STOCK_COMMIT, CommitStock(order_id=event.order_id))


def _reservation(event: OrderPlaced) -> ReserveStock:
    """The request for the order's goods. Raises Invalid if products would refuse it: an event's units have no limit."""
    lines = tuple({"product_id": line.product_id, "quantity": line.quantity} for line in event.lines)
    try:
        return ReserveStock.model_validate({"order_id": event.order_id, "lines": lines})
    except ValidationError as error:
        raise invalid_payload(error, b"{}") from None
