"""Several orders by id: one statement, only the caller's own, and no more lines than a reply holds."""

from decimal import Decimal

import pytest

from contracts.orders import MOST_LINES, MOST_LINES_TOGETHER, GetOrder, GetOrders, ListOrders, Order
from contracts.products import CreateProduct
from subjects import ORDERS_GET, ORDERS_GET_MANY, ORDERS_LIST, PRODUCTS_CREATE
from tests.support.shop import ADMIN, OTHER, USER, Shop

NOBODYS = 2**31 - 1


@pytest.fixture(scope="module")
def shop(still_shop: Shop) -> Shop:
    """A shop whose orders stay as they are placed."""
    return still_shop


async def test_orders_come_as_they_come_one_by_one(shop: Shop) -> None:
    page = await shop.ask(ORDERS_LIST, ListOrders(limit=50), ADMIN)
    ids = tuple(one.order_id for one in page.items)

    found = await shop.ask(ORDERS_GET_MANY, GetOrders(order_ids=(*ids, NOBODYS, *ids)), ADMIN)

    assert [await shop.ask(ORDERS_GET, GetOrder(order_id=one), ADMIN) for one in ids] == [*found.items]
    assert ((NOBODYS,), ()) == (found.missing, found.left_out)


async def test_a_users_orders_alone_are_found(shop: Shop) -> None:
    own, others = await shop.place((1, 1)), await shop.place((1, 2), user_id=OTHER)
    request = GetOrders(order_ids=(10248, others.order_id, own.order_id))

    found = {who: await shop.ask(ORDERS_GET_MANY, request, who) for who in (USER, OTHER, ADMIN)}

    assert ((own,), (10248, others.order_id)) == (found[USER].items, found[USER].missing)
    assert ((others,), (10248, own.order_id)) == (found[OTHER].items, found[OTHER].missing)
    assert [10248, others.order_id, own.order_id] == [one.order_id for one in found[ADMIN].items]
    assert {()} == {one.left_out for one in found.values()}


async def test_orders_whose_lines_do_not_fit_are_left_out_from_there_on(shop: Shop) -> None:
    full, small = await _order(shop, MOST_LINES), await shop.place((1, 1))
    fulls = [full, *[await _order(shop, MOST_LINES) for _ in range(MOST_LINES_TOGETHER // MOST_LINES)]]
    ids = tuple(one.order_id for one in (*fulls, small))

    first = await shop.ask(ORDERS_GET_MANY, GetOrders(order_ids=(NOBODYS, *ids)))
    second = await shop.ask(ORDERS_GET_MANY, GetOrders(order_ids=first.left_out))

    assert ([*fulls[:-1]], (NOBODYS,), ids[-2:]) == ([*first.items], first.missing, first.left_out)
    assert ([fulls[-1], small], (), ()) == ([*second.items], second.missing, second.left_out)


async def _order(shop: Shop, lines: int) -> Order:
    new = [CreateProduct(product_name="New", unit_price=Decimal("0.01")) for _ in range(lines)]
    products = [await shop.ask(PRODUCTS_CREATE, one, ADMIN) for one in new]
    return await shop.place(*((one.product_id, 1) for one in products))
