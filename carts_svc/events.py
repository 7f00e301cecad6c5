"""How carts handles the events of orders."""

from carts_svc.repository import Carts
from carts_svc.stored import Ordered
from contracts.orders_events import OrderPlaced
from subjects import EVENTS_ORDERS_PLACED
from worker.events import handles


class CartEvents:
    """Empties carts. A method that runs again, also much later, changes nothing (ADR 21)."""

    def __init__(self, carts: Carts) -> None:
        self._carts = carts

    @handles(EVENTS_ORDERS_PLACED)
    async def placed(self, event: OrderPlaced) -> None:
        """Remove the ordered items from the user's cart, if the order was made from it."""
        if event.user_id is not None and event.cart_version is not None:
            ordered = Ordered(event.order_id, event.cart_version)
            await self._carts.change(event.user_id, lambda cart: cart.after(ordered))
