"""What callers of the products service hear."""

from contracts.products import ProductReason
from mesh.core.errors import Conflict, NotFound


def not_found(product_id: int) -> NotFound:
    """There is no such product."""
    return NotFound(ProductReason.NOT_FOUND, f"there is no product {product_id}")


def stock_out_of_range(product_id: int, reserved: int) -> Conflict:
    """The units in stock would be fewer than are reserved, or too many to be counted."""
    detail = f"product {product_id} must keep at least {reserved} units, which are reserved, and at most 2147483647"
    return Conflict(ProductReason.STOCK_OUT_OF_RANGE, detail)
