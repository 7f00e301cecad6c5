"""The handlers of `carts.*`, one method per endpoint. Each works on the caller's own cart."""

from carts_svc.checkout import Checkout
from carts_svc.prices import Prices
from carts_svc.repository import Carts
from carts_svc.stored import StoredCart
from contracts.carts import Cart, CartReason, CheckedOut, CheckOut, ClearCart, GetCart, PutItem, RemoveItem
from mesh.core import context
from mesh.core.errors import Invalid
from subjects import CARTS_CHECKOUT, CARTS_CLEAR, CARTS_GET, CARTS_PUT_ITEM, CARTS_REMOVE_ITEM
from worker.answers import answers


class Handlers:
    """The endpoints of the carts service."""

    def __init__(self, carts: Carts, prices: Prices, checkout: Checkout) -> None:
        self._carts = carts
        self._prices = prices
        self._checkout = checkout

    @answers(CARTS_GET)
    async def get(self, _: GetCart) -> Cart:
        """The cart. It has no prices while products does not answer."""
        return await self._prices.show(await self._carts.get(context.caller().user_id))

    @answers(CARTS_PUT_ITEM)
    async def put_item(self, request: PutItem) -> Cart:
        """The changed cart.

        Raises Invalid for an unknown or discontinued product, and Conflict for another version or a full cart.
        """
        known = await self._prices.find([request.product_id])
        product = known.get(request.product_id)
        if product is None:
            raise Invalid.field("product_id", CartReason.UNKNOWN_PRODUCT, "there is no such product")
        if product.discontinued:
            raise Invalid.field("product_id", CartReason.DISCONTINUED, "the product is discontinued")

        def put(cart: StoredCart) -> StoredCart:
            return cart.with_item(product, request.quantity)

        cart = await self._carts.change(context.caller().user_id, put, request.expected_version)
        return await self._prices.show(cart, known)

    @answers(CARTS_REMOVE_ITEM)
    async def remove_item(self, request: RemoveItem) -> Cart:
        """The changed cart. Raises Conflict for another version."""

        def remove(cart: StoredCart) -> StoredCart:
            return cart.without_item(request.product_id)

        cart = await self._carts.change(context.caller().user_id, remove, request.expected_version)
        return await self._prices.show(cart)

    @answers(CARTS_CLEAR)
    async def clear(self, request: ClearCart) -> Cart:
        """The empty cart. Raises Conflict for another version."""
        user_id = context.caller().user_id
        cart = await self._carts.change(user_id, StoredCart.without_items, request.expected_version)
        return await self._prices.show(cart)

    @answers(CARTS_CHECKOUT)
    async def checkout(self, request: CheckOut) -> CheckedOut:
        """The order. Raises Conflict for another version, an empty cart, and items that cannot be ordered."""
        return await self._checkout.place(context.caller().user_id, request.expected_version)
