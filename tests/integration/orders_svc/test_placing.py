"""Orders of users and administrators: what they cost, who sees them, and what cannot be ordered."""

import asyncio
from decimal import Decimal

import pytest

from contracts.orders import CancelOrder, GetOrder, GetOrderHistory, ListOrders, Order
from contracts.products import CreateProduct, DiscontinueProduct, Product, ProductPatch, UpdateProduct
from mesh.core.errors import Code, RemoteFault
from subjects import (
    ORDERS_CANCEL,
    ORDERS_GET,
    ORDERS_HISTORY,
    ORDERS_LIST,
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_UPDATE,
)
from tests.support.shop import ADMIN, OTHER, USER, Shop


@pytest.fixture(scope="module")
def shop(still_shop: Shop) -> Shop:
    """A shop whose orders stay as they are placed."""
    return still_shop


async def product(shop: Shop, price: str, name: str = "New") -> Product:
    return await shop.ask(PRODUCTS_CREATE, CreateProduct(product_name=name, unit_price=Decimal(price)), ADMIN)


async def test_an_order_has_the_names_and_the_prices_of_its_moment(shop: Shop) -> None:
    sold = await product(shop, "0.07", "Old name")
    placed = await shop.place((sold.product_id, 999), (1, 2))
    patch = ProductPatch(product_name="New name", unit_price=Decimal("9.99"))
    await shop.ask(PRODUCTS_UPDATE, UpdateProduct(product_id=sold.product_id, expected_version=1, patch=patch), ADMIN)

    found = await shop.ask(ORDERS_GET, GetOrder(order_id=placed.order_id))

    assert placed == found
    assert [("Old name", "0.07", 999, "69.93"), ("Chai", "18.00", 2, "36.00")] == [
        (line.product_name, str(line.unit_price), line.quantity, str(line.amount)) for line in found.lines
    ]
    assert ("placed", USER, None, "105.93", 1) == (
        found.status,
        found.user_id,
        found.customer_id,
        str(found.total),
        found.version,
    )
    assert found.order_id > 11077


async def test_the_dearest_order_is_exact(shop: Shop) -> None:
    dear = [await product(shop, "99999999.99") for _ in range(3)]

    placed = await shop.place(*((one.product_id, 999) for one in dear))

    assert Decimal("299699999970.03") == placed.total


async def test_an_administrator_orders_for_a_customer_at_the_customers_address(shop: Shop) -> None:
    placed = await shop.place((1, 1), user_id=ADMIN, customer_id="ALFKI")

    assert ("ALFKI", "Alfreds Futterkiste", "Obere Str. 57", "Berlin", "12209", "Germany") == (
        placed.customer_id,
        placed.ship_name,
        placed.ship_address,
        placed.ship_city,
        placed.ship_postal_code,
        placed.ship_country,
    )


async def test_a_user_does_not_order_for_a_customer(shop: Shop) -> None:
    with pytest.raises(RemoteFault) as refused:
        await shop.place((1, 1), customer_id="ALFKI")

    assert (Code.PERMISSION_DENIED, "role_required") == (refused.value.code, refused.value.reason)


async def test_what_cannot_be_ordered_is_named_by_its_line(shop: Shop) -> None:
    gone = await product(shop, "1.00")
    await shop.ask(PRODUCTS_DISCONTINUE, DiscontinueProduct(product_id=gone.product_id), ADMIN)

    with pytest.raises(RemoteFault) as refused:
        await shop.place((1, 1), (1, 2), (2**31 - 1, 1), (gone.product_id, 1), user_id=ADMIN, customer_id="NOONE")

    assert (Code.INVALID_ARGUMENT, "duplicate_product") == (refused.value.code, refused.value.reason)
    assert [
        ("lines.1.product_id", "duplicate_product"),
        ("lines.2.product_id", "unknown_product"),
        ("lines.3.product_id", "product_discontinued"),
        ("customer_id", "unknown_customer"),
    ] == [(error.field, error.reason) for error in refused.value.errors]


async def test_a_repeated_order_is_placed_once_though_its_product_is_gone_since(shop: Shop) -> None:
    sold = await product(shop, "1.00")
    first = await shop.place((sold.product_id, 1), key="once")
    await shop.ask(PRODUCTS_DISCONTINUE, DiscontinueProduct(product_id=sold.product_id), ADMIN)

    again = await shop.place((sold.product_id, 1), key="once")

    assert first == again
    with pytest.raises(RemoteFault) as reused:
        await shop.place((1, 7), key="once")
    assert "idempotency_key_reused" == reused.value.reason


async def test_a_repeated_order_gets_its_answer_though_products_is_away(shop: Shop) -> None:
    first = await shop.place((1, 1), key="products goes")
    await shop.workers["products"].drain()
    try:
        assert first == await shop.place((1, 1), key="products goes")
        with pytest.raises(RemoteFault) as refused:
            await shop.place((1, 1), key="products is gone")
    finally:
        await shop.workers["products"].start()
    assert "dependency_unavailable" == refused.value.reason


async def test_orders_placed_at_once_under_one_key_are_one(shop: Shop) -> None:
    placed = await asyncio.gather(*(shop.place((1, 1), key="together") for _ in range(5)))

    assert 1 == len({order.order_id for order in placed})


async def test_a_user_sees_and_cancels_own_orders_alone(shop: Shop) -> None:
    placed = await shop.place((1, 1))

    for order_id, asking in ((placed.order_id, OTHER), (10248, USER)):
        for asked in (
            shop.ask(ORDERS_GET, GetOrder(order_id=order_id), asking),
            shop.ask(ORDERS_HISTORY, GetOrderHistory(order_id=order_id), asking),
            shop.ask(ORDERS_CANCEL, CancelOrder(order_id=order_id), asking),
        ):
            with pytest.raises(RemoteFault) as refused:
                await asked
            assert (Code.NOT_FOUND, "order_not_found") == (refused.value.code, refused.value.reason)
    assert "placed" == (await shop.ask(ORDERS_GET, GetOrder(order_id=placed.order_id), ADMIN)).status


async def test_a_users_list_has_own_orders_alone_whatever_is_asked(shop: Shop) -> None:
    placed = await shop.place((1, 1), user_id=OTHER)

    async def ids(asking: str, user_id: str | None = None, customer_id: str | None = None) -> set[int]:
        request = ListOrders(limit=200, user_id=user_id, customer_id=customer_id)
        page = await shop.ask(ORDERS_LIST, request, asking)
        return {order.order_id for order in page.items}

    assert {placed.order_id} == await ids(OTHER)
    assert set() == await ids(USER, user_id=OTHER)
    assert set() == await ids(USER, customer_id="ALFKI")
    assert placed.order_id not in await ids(USER)
    assert {placed.order_id} == await ids(ADMIN, user_id=OTHER)


async def test_an_order_is_cancelled_once(shop: Shop) -> None:
    placed = await shop.place((1, 1))

    with pytest.raises(RemoteFault) as refused:
        await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id, expected_version=9))
    cancelled = await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id, expected_version=1))
    again = await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id, expected_version=1))

    assert (Code.CONFLICT, "version_mismatch") == (refused.value.code, refused.value.reason)
    assert ("cancelled", 2) == (cancelled.status, cancelled.version)
    assert cancelled == again
    assert ["placed", "cancelled"] == await steps(shop, placed)


async def test_an_order_that_has_left_is_not_cancelled(shop: Shop) -> None:
    with pytest.raises(RemoteFault) as refused:
        await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=10248), ADMIN)

    assert (Code.CONFLICT, "order_not_cancellable") == (refused.value.code, refused.value.reason)


async def test_cancellations_at_once_make_one_step(shop: Shop) -> None:
    placed = await shop.place((1, 1))

    await asyncio.gather(*(shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id)) for _ in range(8)))

    assert ["placed", "cancelled"] == await steps(shop, placed)


async def steps(shop: Shop, order: Order) -> list[str]:
    history = await shop.ask(ORDERS_HISTORY, GetOrderHistory(order_id=order.order_id), ADMIN)
    return [step.status for step in history.steps]
