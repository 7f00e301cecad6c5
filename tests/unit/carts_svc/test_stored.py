"""The rules of a cart: each change gives another cart, or the same one if there is nothing to change."""

from decimal import Decimal

import pytest

from carts_svc.stored import Line, Ordered, StoredCart
from contracts.products import Product
from mesh.core.errors import Conflict

CART = StoredCart(
    version=5,
    lines=(Line(1, 2, "Chai", Decimal("18.00"), since=3), Line(2, 1, "Chang", Decimal("19.00"), since=5)),
)


def product(product_id: int = 1, price: str = "18.00", name: str = "Chai") -> Product:
    return Product(
        product_id=product_id,
        product_name=name,
        supplier_id=None,
        category_id=None,
        quantity_per_unit=None,
        unit_price=Decimal(price),
        units_in_stock=0,
        units_on_order=0,
        reorder_level=0,
        discontinued=False,
        version=1,
    )


def test_the_same_quantity_at_the_same_price_changes_nothing() -> None:
    assert CART is CART.with_item(product(), 2)


@pytest.mark.parametrize(
    ("changed", "quantity"), [(product(), 3), (product(price="18.01"), 2), (product(name="Tea"), 2)]
)
def test_a_changed_line_keeps_its_place_and_belongs_to_the_next_version(changed: Product, quantity: int) -> None:
    line = CART.with_item(changed, quantity).lines[0]

    assert Line(1, quantity, changed.product_name, changed.unit_price, since=6) == line


def test_the_hundredth_product_fits_and_the_next_does_not() -> None:
    full = StoredCart()
    for number in range(1, 101):
        full = full.with_item(product(number), 1)

    assert 100 == len(full.lines)
    assert 999 == full.with_item(product(100), 999).lines[-1].quantity
    with pytest.raises(Conflict):
        full.with_item(product(101), 1)


@pytest.mark.parametrize(("version", "left"), [(4, CART.lines[1:]), (5, ())])
def test_an_order_takes_what_is_not_newer(version: int, left: tuple[Line, ...]) -> None:
    cart = CART.after(Ordered(7, version))

    assert (left, Ordered(7, version)) == (cart.lines, cart.ordered)


def test_an_older_order_that_comes_late_changes_nothing() -> None:
    later = CART.after(Ordered(8, 4))

    assert later == later.after(Ordered(8, 4)) == later.after(Ordered(7, 3))


@pytest.mark.parametrize(("ordering", "left"), [(3, None), (4, None), (5, 5)])
def test_an_order_ends_the_checkouts_up_to_its_version(ordering: int, left: int | None) -> None:
    began = CART._replace(ordering=ordering)

    assert left == began.after(Ordered(7, 4)).ordering
    assert left == began.without_items().after(Ordered(7, 4)).ordering
