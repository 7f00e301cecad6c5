"""Shows a cart with current names and prices, which it asks products for."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import structlog

from carts_svc.repository import KEPT
from carts_svc.stored import Line, StoredCart
from contracts.carts import Cart, CartChange, CartItem, ProductWas
from contracts.products import GetProducts, Product
from mesh.client.client import Client
from mesh.core.errors import CallError
from subjects import PRODUCTS_GET_MANY

log = structlog.get_logger()

Products = Mapping[int, Product]
WITHIN: Final = 1.0
"""Seconds to wait for prices. After that the cart is shown without them."""
_NONE: Final[Products] = {}


class Prices:
    """Asks products for names and prices."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(self, product_ids: Iterable[int], timeout: float | None = None) -> Products:
        """The products that exist, by id. Raises CallError."""
        if not (wanted := tuple(product_ids)):
            return _NONE
        found = await self._client.call(PRODUCTS_GET_MANY, GetProducts(product_ids=wanted), timeout)
        return {product.product_id: product for product in found.items}

    async def show(self, cart: StoredCart, known: Products = _NONE) -> Cart:
        """The cart with current prices, or without prices if products does not answer. `known` are not asked for."""
        lacking = (line.product_id for line in cart.lines if line.product_id not in known)
        try:
            return _shown(cart, {**known, **await self.find(lacking, WITHIN)})
        except CallError as error:
            log.warning("cart_without_prices", error=str(error))
            return _shown(cart, None)


def _shown(cart: StoredCart, products: Products | None) -> Cart:
    if products is None:
        items = tuple(_item(line, None) for line in cart.lines)
    else:
        items = tuple(_current(line, products.get(line.product_id)) for line in cart.lines)
    amounts = (item.amount for item in items if item.amount is not None)
    return Cart(
        items=items,
        total=None if products is None else sum(amounts, Decimal("0.00")),
        prices_current=products is not None,
        expires_at=None if cart.changed_at is None else cart.changed_at + KEPT,
        version=cart.version,
    )


def _current(line: Line, product: Product | None) -> CartItem:
    """The line with its current product; None: the product no longer exists."""
    changes = []
    if product is not None and product.product_name != line.product_name:
        changes.append(CartChange.NAME)
    if product is not None and product.unit_price != line.unit_price:
        changes.append(CartChange.PRICE)
    if discontinued := product is None or product.discontinued:
        changes.append(CartChange.DISCONTINUED)
    return _item(line, product, discontinued=discontinued, changes=tuple(changes))


def _item(
    line: Line, product: Product | None, *, discontinued: bool | None = None, changes: tuple[CartChange, ...] = ()
) -> CartItem:
    price = None if product is None else product.unit_price
    return CartItem(
        product_id=line.product_id,
        product_name=line.product_name if product is None else product.product_name,
        quantity=line.quantity,
        unit_price=price,
        amount=None if price is None or discontinued else price * line.quantity,
        discontinued=discontinued,
        was=ProductWas(product_name=line.product_name, unit_price=line.unit_price),
        changes=changes,
    )
