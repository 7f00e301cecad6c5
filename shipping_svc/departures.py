"""Asks orders whether goods may leave, so that no cancelled order is ever dispatched (ADR 26)."""

from contracts.orders import StartDispatch
from contracts.shipping import ShippingReason
from mesh.client.client import Client
from mesh.core.errors import Code, Conflict, RemoteFault
from subjects import ORDERS_START_DISPATCH


class Departures:
    """Asks orders for permission to dispatch."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def permit(self, order_id: int) -> None:
        """Have orders rule out a cancellation of the order from now on. Repeating this has no effect.

        Raises Conflict if the order is cancelled, and CallError.
        """
        try:
            await self._client.call(ORDERS_START_DISPATCH, StartDispatch(order_id=order_id))
        except RemoteFault as fault:
            if fault.code is not Code.CONFLICT:
                raise
            raise Conflict(ShippingReason.STOPPED, fault.detail) from None
