"""A cart becomes an order, over a real NATS server with JetStream."""

import asyncio
from contextlib import suppress
from decimal import Decimal

from carts_svc.repository import Carts
from contracts.carts import CheckOut, RemoveItem
from contracts.orders import ListOrders, NewLine, Order, PlaceOrder
from contracts.products import DiscontinueProduct
from mesh.core.errors import Code, RemoteFault
from subjects import CARTS_CHECKOUT, CARTS_REMOVE_ITEM, ORDERS_LIST, ORDERS_PLACE, PRODUCTS_DISCONTINUE
from tests.integration.carts_svc.market import Market, somebody


async def check_out(market: Market, user_id: str, version: int | None = None) -> Order:
    return await market.ask(CARTS_CHECKOUT, CheckOut(expected_version=version), user_id)


async def orders_of(market: Market, user_id: str) -> list[int]:
    return [order.order_id for order in (await market.ask(ORDERS_LIST, ListOrders(), user_id)).items]


async def test_a_cart_becomes_an_order_and_is_empty(market: Market) -> None:
    user, one, other = somebody(), await market.product("1.50"), await market.product("2.00")
    await market.put(user, one.product_id, 3)
    await market.put(user, other.product_id, 1)

    order = await check_out(market, user)

    assert ("placed", user, Decimal("6.50")) == (order.status, order.user_id, order.total)
    assert {one.product_id: 3, other.product_id: 1} == {line.product_id: line.quantity for line in order.lines}
    cart = await market.cart(user)
    assert ((), 4) == (cart.items, cart.version)


async def test_two_clicks_make_one_order(market: Market) -> None:
    user, product = somebody(), await market.product()
    await market.put(user, product.product_id, 3)

    at_once = await asyncio.gather(*(check_out(market, user) for _ in range(4)))
    later = await check_out(market, user)

    assert [later.order_id] == [*{order.order_id for order in at_once}] == await orders_of(market, user)


async def test_a_checkout_of_a_version_is_repeated_though_the_cart_has_changed(market: Market) -> None:
    user, product = somebody(), await market.product()
    cart = await market.put(user, product.product_id, 3)
    first = await check_out(market, user, cart.version)
    await market.put(user, product.product_id, 1)

    again = await check_out(market, user, cart.version)
    second = await check_out(market, user)

    assert first.order_id == again.order_id != second.order_id
    assert [second.order_id, first.order_id] == await orders_of(market, user)


async def test_a_checkout_of_another_version_is_refused(market: Market) -> None:
    user, product = somebody(), await market.product()
    cart = await market.put(user, product.product_id)

    refused = await market.refused(CARTS_CHECKOUT, CheckOut(expected_version=1), user)

    assert (Code.CONFLICT, "version_mismatch") == (refused.code, refused.reason)
    assert cart == await market.cart(user)


async def test_an_empty_cart_cannot_be_ordered(market: Market) -> None:
    user, product = somebody(), await market.product()
    never = await market.refused(CARTS_CHECKOUT, CheckOut(), user)
    await market.put(user, product.product_id)
    await check_out(market, user)
    await market.put(user, product.product_id)
    await market.ask(CARTS_REMOVE_ITEM, RemoveItem(product_id=product.product_id), user)

    again = await market.refused(CARTS_CHECKOUT, CheckOut(), user)

    assert [(Code.CONFLICT, "cart_empty")] * 2 == [(fault.code, fault.reason) for fault in (never, again)]


async def test_items_that_cannot_be_ordered_are_named_and_the_cart_stays(market: Market) -> None:
    user, product, gone = somebody(), await market.product(), await market.product()
    await market.put(user, product.product_id)
    await market.put(user, gone.product_id)
    await market.administer(PRODUCTS_DISCONTINUE, DiscontinueProduct(product_id=gone.product_id))

    refused = await market.refused(CARTS_CHECKOUT, CheckOut(), user)

    assert (Code.CONFLICT, "items_unavailable") == (refused.code, refused.reason)
    assert [("items.1.product_id", "product_discontinued")] == [(one.field, one.reason) for one in refused.errors]
    assert 2 == len((await market.cart(user)).items)
    assert [] == await orders_of(market, user)


async def test_the_event_empties_a_cart_whose_worker_died_after_the_order(market: Market) -> None:
    user, product = somebody(), await market.product()
    cart = await market.put(user, product.product_id, 3)

    order = await place(market, user, product.product_id, cart.version)
    emptied = await market.emptied(user)

    assert 3 == emptied.version
    assert order.order_id == (await check_out(market, user)).order_id


async def test_a_cart_that_changes_after_its_worker_died_is_not_ordered_again(market: Market) -> None:
    user, ordered, later = somebody(), *[await market.product() for _ in range(2)]
    cart = await market.put(user, ordered.product_id, 3)
    await began(market, user, cart.version)
    await market.put(user, later.product_id, 1)
    first = await place(market, user, ordered.product_id, cart.version)

    second = await once_possible(market, user)

    assert {later.product_id: 1} == {line.product_id: line.quantity for line in second.lines}
    assert [second.order_id, first.order_id] == await orders_of(market, user)


async def test_a_cart_that_changes_after_a_checkout_in_vain_is_ordered_once(market: Market) -> None:
    user, product = somebody(), await market.product()
    cart = await market.put(user, product.product_id, 3)
    await began(market, user, cart.version)
    await market.put(user, product.product_id, 2)

    order = await check_out(market, user)
    first = of(product.product_id, cart.version)  # its request was only late
    late = await market.refused(ORDERS_PLACE, first, user, key_of(cart.version))

    assert (Code.CONFLICT, "idempotency_key_reused") == (late.code, late.reason)
    assert [order.order_id] == await orders_of(market, user)
    assert () == (await market.cart(user)).items


async def began(market: Market, user_id: str, version: int) -> None:
    """Leave the cart as a checkout leaves it whose worker dies at once."""
    assert await Carts(market.database).begin_order(user_id, version)


async def once_possible(market: Market, user_id: str) -> Order:
    """Check out, again for as long as the event of an earlier order is not handled."""
    while True:
        with suppress(RemoteFault):
            return await check_out(market, user_id)


async def test_what_was_put_in_after_the_order_stays(market: Market) -> None:
    user, ordered, later, more = somebody(), *[await market.product() for _ in range(3)]
    await market.put(user, ordered.product_id, 3)
    cart = await market.put(user, more.product_id, 1)
    await market.put(user, later.product_id, 1)
    await market.put(user, more.product_id, 2)

    await place(market, user, ordered.product_id, cart.version)
    left = await market.emptied(user, left=2)

    assert {later.product_id: 1, more.product_id: 2} == {item.product_id: item.quantity for item in left.items}


async def test_an_order_that_is_not_of_the_cart_leaves_it(market: Market) -> None:
    user, stranger, product = somebody(), somebody(), await market.product()
    cart = await market.put(user, product.product_id, 3)
    await market.put(stranger, product.product_id, 3)

    await place(market, user, product.product_id, None)
    await place(market, stranger, product.product_id, cart.version)
    await market.emptied(stranger)

    assert cart == await market.cart(user)


async def place(market: Market, user_id: str, product_id: int, cart_version: int | None) -> Order:
    """An order, as the checkout of this version of a cart would place it."""
    return await market.ask(ORDERS_PLACE, of(product_id, cart_version), user_id, key=key_of(cart_version))


def key_of(cart_version: int | None) -> str | None:
    """The Idempotency-Key of a checkout."""
    return None if cart_version is None else f"carts.checkout {cart_version}"


def of(product_id: int, cart_version: int | None) -> PlaceOrder:
    """An order of three units."""
    return PlaceOrder(lines=(NewLine(product_id=product_id, quantity=3),), cart_version=cart_version)
