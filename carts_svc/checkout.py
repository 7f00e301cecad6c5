"""Turns a cart into an order. Each version of a cart becomes at most one order."""

from typing import Final

from carts_svc.repository import Carts, other_version
from carts_svc.stored import Ordered, StoredCart
from contracts.carts import CartReason, CheckedOut
from contracts.orders import GetOrder, NewLine, Order, OrderReason, PlaceOrder
from mesh.client.client import Client
from mesh.core.context import keyed
from mesh.core.errors import Conflict, FieldError, RemoteFault, Unavailable
from mesh.service.idempotency import KEY_REUSED
from subjects import ORDERS_GET, ORDERS_PLACE

_UNAVAILABLE: Final = (OrderReason.UNKNOWN_PRODUCT, OrderReason.DISCONTINUED)


class Checkout:
    """Places orders on behalf of the caller."""

    def __init__(self, carts: Carts, client: Client) -> None:
        self._carts = carts
        self._client = client

    async def place(self, user_id: str, expected_version: int | None) -> CheckedOut:
        """The new order for the cart, or its last order if the cart has not changed since.

        Raises Conflict for another version, an empty cart, and items that cannot be ordered; Unavailable while an
        earlier order is about to be taken from the cart; CallError.
        """
        cart = await self._carts.get(user_id)
        if (before := _order_before(cart, expected_version)) is not None:
            order = await self._client.call(ORDERS_GET, GetOrder(order_id=before.order_id))
        elif expected_version not in (None, cart.version):
            raise other_version(cart, expected_version)
        elif not cart.lines:
            raise Conflict(CartReason.EMPTY, "the cart is empty")
        elif cart.ordering is None:
            # Each repetition means that somebody else's change succeeded, or a checkout began; the deadline ends them.
            await self._carts.begin_order(user_id, cart.version)
            return await self.place(user_id, expected_version)
        else:
            order = await self._order(cart, cart.ordering)
            ordered = Ordered(order.order_id, cart.version)
            # Do not wait for the event: the next checkout would order these items again.
            await self._carts.change(user_id, lambda current: current.after(ordered))
        return CheckedOut.model_validate(dict(order))

    async def _order(self, cart: StoredCart, key: int) -> Order:
        """The order of the cart. `key` is the version of the first checkout whose outcome is unknown."""
        lines = tuple(NewLine(product_id=line.product_id, quantity=line.quantity) for line in cart.lines)
        # One key until an order of it is known: orders has one order of a key, whichever version comes first.
        with keyed(f"carts.checkout {key}"):
            try:
                return await self._client.call(ORDERS_PLACE, PlaceOrder(lines=lines, cart_version=cart.version))
            except RemoteFault as fault:
                if fault.reason in _UNAVAILABLE:
                    raise _unavailable(fault.errors) from fault
                if fault.reason == KEY_REUSED:  # an earlier version has become an order, and its event is on the way
                    raise Unavailable("dependency_unavailable", "an earlier order is not handled yet") from fault
                raise


def _order_before(cart: StoredCart, expected_version: int | None) -> Ordered | None:
    """The order that this checkout made before; None if it is a new one."""
    if cart.ordered is None:
        return None
    unchanged = cart.version == cart.ordered.version + 1
    if expected_version == cart.ordered.version or (expected_version is None and unchanged):
        return cart.ordered
    return None


def _unavailable(errors: tuple[FieldError, ...]) -> Conflict:
    """The fault for items that cannot be ordered. Each error names the index of its item."""
    items = [error.model_copy(update={"field": error.field.replace("lines.", "items.", 1)}) for error in errors]
    said = "; ".join(f"{item.field}: {item.message}" for item in items[:3])
    return Conflict(CartReason.ITEMS_UNAVAILABLE, said, items)
