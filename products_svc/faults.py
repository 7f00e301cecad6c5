"""What callers of the products service hear."""

from contracts.products import ProductReason
from mesh.core.errors import Conflict, Invalid, NotFound


def not_found(product_id: int) -> NotFound:
    """There is no such product."""
    return NotFound(ProductReason.NOT_FOUND, f"there is no product {product_id}")


def stock_out_of_range(product_id: int, reserved: int) -> Conflict:
    """The units in stock would be fewer than are reserved, or too many to be counted."""
    detail = f"product {product_id} must keep at least {reserved} units, which are reserved, and at most 2147483647"
    return Conflict(ProductReason.STOCK_OUT_OF_RANGE, detail)


def other_version(what: str, key: int, current: int, expected: int | None) -> Conflict:
    """The row has another version than the caller expects. `what` is such as "product"."""
    detail = f"{what} {key} has version {current}, not {expected}"
    return Conflict(ProductReason.VERSION_MISMATCH, detail, current_version=current)


def invalid_cursor(why: str) -> Invalid:
    """The cursor does not belong to this list."""
    return Invalid.field("cursor", ProductReason.INVALID_CURSOR, why)
