"""A stored cart, and its changes."""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from contracts.carts import CartReason
from contracts.orders import MOST_LINES
from contracts.products import Product
from mesh.core.errors import Conflict

NEW: Final = 1
"""The version of a cart that is not stored."""


class Line(NamedTuple):
    """Units of one product, with its name and price at the time when it was put in."""

    product_id: int
    quantity: int
    product_name: str
    unit_price: Decimal
    since: int
    """The version of the cart that the last change of this line made."""


class Ordered(NamedTuple):
    """The last order, and the version of the cart that became it."""

    order_id: int
    version: int


class StoredCart(NamedTuple):
    """One user's cart. `changed_at` is None for a cart that is not stored."""

    version: int = NEW
    lines: tuple[Line, ...] = ()
    changed_at: datetime | None = None
    ordered: Ordered | None = None
    ordering: int | None = None
    """The version whose checkout began, while it is unknown whether it has become an order."""

    def with_item(self, product: Product, quantity: int) -> "StoredCart":
        """The cart with this quantity of the product. Raises Conflict if the cart is full."""
        line = Line(product.product_id, quantity, product.product_name, product.unit_price, self.version + 1)
        found = {old.product_id: old for old in self.lines}
        old = found.get(line.product_id)
        if old is not None and old[:-1] == line[:-1]:
            return self
        found[line.product_id] = line
        if len(found) > MOST_LINES:
            raise Conflict(CartReason.FULL, f"a cart has at most {MOST_LINES} products")
        return self._replace(lines=tuple(found.values()))

    def without_item(self, product_id: int) -> "StoredCart":
        """The cart without the product."""
        return self._replace(lines=tuple(line for line in self.lines if line.product_id != product_id))

    def without_items(self) -> "StoredCart":
        """The empty cart."""
        return self._replace(lines=())

    def after(self, order: Ordered) -> "StoredCart":
        """The cart without the ordered lines. Lines that changed since then stay."""
        left = tuple(line for line in self.lines if line.since > order.version)
        is_known = self.ordering is None or self.ordering > order.version
        if is_known and left == self.lines:
            return self
        return self._replace(lines=left, ordered=order, ordering=self.ordering if is_known else None)
