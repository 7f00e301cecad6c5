"""What carts does with the events of others."""

from carts_svc.repository import Carts
from carts_svc.stored import Ordered
from contracts.orders import OrderPlaced
from subjects import EVENTS_ORDERS_PLACED
from worker.events import handles


class CartEvents:
    """Empties carts. Each method changes nothing when it runs again."""

    @handles(EVENTS_ORDERS_PLACED)
    async def placed(self, carts: Carts, event: OrderPlaced) -> None:
        """Remove what was ordered from the user's cart, if the order was made of it."""
        if event.user_id is not None and event.cart_version is not None:
            ordered = Ordered(event.order_id, event.cart_version)
            await carts.change(event.user_id, lambda cart: cart.after(ordered))
