"""Filling and emptying a cart, by two workers on a real MongoDB."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from contracts.carts import Cart, ClearCart, PutItem, RemoveItem
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Code
from subjects import CARTS_CLEAR, CARTS_PUT_ITEM, CARTS_REMOVE_ITEM
from tests.integration.carts_svc.market import Market, somebody

CHAI, CHANG, DISCONTINUED, NEVER_MADE = 1, 2, 5, 2**31 - 1


def quantities(cart: Cart) -> dict[int, int]:
    return {item.product_id: item.quantity for item in cart.items}


async def test_a_user_without_a_cart_has_an_empty_one(market: Market) -> None:
    empty = Cart(items=(), total=Decimal("0.00"), prices_current=True, expires_at=None, version=1)

    assert empty == await market.cart(somebody())


async def test_an_item_has_its_name_and_its_price(market: Market) -> None:
    user, product = somebody(), await market.product("1.50")

    cart = await market.put(user, product.product_id, 3)

    [item] = cart.items
    assert (2, Decimal("4.50"), True) == (cart.version, cart.total, cart.prices_current)
    assert (product.product_name, 3, Decimal("1.50"), Decimal("4.50"), False) == (
        item.product_name,
        item.quantity,
        item.unit_price,
        item.amount,
        item.discontinued,
    )
    assert (product.product_name, Decimal("1.50"), ()) == (item.was.product_name, item.was.unit_price, item.changes)
    assert cart == await market.cart(user)


async def test_a_cart_lasts_for_thirty_days_after_a_change(market: Market) -> None:
    before = datetime.now(UTC)
    cart = await market.put(somebody(), CHAI)

    assert cart.expires_at is not None
    assert before - timedelta(seconds=1) <= cart.expires_at - timedelta(days=30) <= datetime.now(UTC)
    indexes = await market.database["carts"].index_information()
    assert 30 * 24 * 3600 == indexes["changed_at_1"]["expireAfterSeconds"]


async def test_a_quantity_is_set_and_not_added(market: Market) -> None:
    user = somebody()
    await market.put(user, CHAI, 2)
    await market.put(user, CHANG, 1)

    cart = await market.put(user, CHAI, 5)

    assert [(CHAI, 5), (CHANG, 1)] == [*quantities(cart).items()], "an item keeps its place"
    assert 4 == cart.version


async def test_a_repeated_change_changes_nothing(market: Market) -> None:
    user = somebody()
    await market.put(user, CHAI, 2)
    cart = await market.put(user, CHANG, 1)

    assert cart == await market.put(user, CHAI, 2)
    removed = await market.ask(CARTS_REMOVE_ITEM, RemoveItem(product_id=CHAI), user)
    assert removed == await market.ask(CARTS_REMOVE_ITEM, RemoveItem(product_id=CHAI), user)
    cleared = await market.ask(CARTS_CLEAR, ClearCart(), user)
    assert cleared == await market.ask(CARTS_CLEAR, ClearCart(), user)
    assert [{CHANG: 1}, {}] == [quantities(removed), quantities(cleared)]
    assert [4, 5] == [removed.version, cleared.version]


@pytest.mark.parametrize(
    ("product_id", "reason"), [(NEVER_MADE, "unknown_product"), (DISCONTINUED, "product_discontinued")]
)
async def test_a_product_that_cannot_be_bought_is_refused(market: Market, product_id: int, reason: str) -> None:
    user = somebody()

    refused = await market.refused(CARTS_PUT_ITEM, PutItem(product_id=product_id, quantity=1), user)

    assert (Code.INVALID_ARGUMENT, reason) == (refused.code, refused.reason)
    assert ["product_id"] == [error.field for error in refused.errors]
    assert 1 == (await market.cart(user)).version


async def test_a_cart_has_a_hundred_products_at_most(market: Market) -> None:
    user = somebody()
    await market.put(user, CHAI)
    one = (await market.database["carts"].find_one({"_id": user}) or {})["lines"][0]
    lines = [{**one, "product_id": 10_000 + number} for number in range(99)]
    await market.database["carts"].update_one({"_id": user}, {"$push": {"lines": {"$each": lines}}})

    refused = await market.refused(CARTS_PUT_ITEM, PutItem(product_id=CHANG, quantity=1), user)
    more = await market.put(user, CHAI, 999)

    assert (Code.CONFLICT, "cart_full") == (refused.code, refused.reason)
    assert (100, 999) == (len(more.items), quantities(more)[CHAI])


async def test_a_change_of_another_version_is_refused(market: Market) -> None:
    user = somebody()
    cart = await market.put(user, CHAI, 2, version=1)
    changes: list[tuple[Endpoint[Any, Cart], BaseModel]] = [
        (CARTS_PUT_ITEM, PutItem(product_id=CHAI, quantity=3, expected_version=1)),
        (CARTS_PUT_ITEM, PutItem(product_id=CHAI, quantity=3, expected_version=3)),
        (CARTS_REMOVE_ITEM, RemoveItem(product_id=CHAI, expected_version=1)),
        (CARTS_CLEAR, ClearCart(expected_version=1)),
    ]
    for endpoint, request in changes:
        refused = await market.refused(endpoint, request, user)
        assert (Code.CONFLICT, "version_mismatch") == (refused.code, refused.reason)
    assert cart == await market.cart(user)

    assert {CHAI: 3} == quantities(await market.put(user, CHAI, 3, version=2))
    assert {CHAI: 3} == quantities(await market.put(user, CHAI, 3, version=2)), "a repetition has no wrong version"
    assert {} == quantities(await market.ask(CARTS_CLEAR, ClearCart(expected_version=3), user))


async def test_the_first_change_of_a_cart_may_expect_a_version_too(market: Market) -> None:
    user = somebody()

    refused = await market.refused(CARTS_PUT_ITEM, PutItem(product_id=CHAI, quantity=1, expected_version=2), user)

    assert "version_mismatch" == refused.reason
    assert 1 == (await market.cart(user)).version


async def test_nobody_sees_or_changes_the_cart_of_another(market: Market) -> None:
    one, other = somebody(), somebody()
    cart = await market.put(one, CHAI, 2)

    await market.put(other, CHANG, 3)
    await market.ask(CARTS_REMOVE_ITEM, RemoveItem(product_id=CHAI), other)
    assert {CHANG: 3} == quantities(await market.cart(other))
    await market.ask(CARTS_CLEAR, ClearCart(), other)

    assert cart == await market.cart(one)


async def test_changes_at_once_lose_nothing(market: Market) -> None:
    user = somebody()
    products = [*range(1, 5), *range(6, 9), *range(10, 17)]

    await asyncio.gather(*(market.put(user, product, product) for product in products))

    cart = await market.cart(user)
    assert {product: product for product in products} == quantities(cart)
    assert 1 + len(products) == cart.version


async def test_of_changes_at_once_that_expect_one_version_one_succeeds(market: Market) -> None:
    user = somebody()
    puts = (market.put(user, CHAI, quantity, version=1) for quantity in range(1, 9))

    outcomes = await asyncio.gather(*puts, return_exceptions=True)

    [done] = [outcome for outcome in outcomes if isinstance(outcome, Cart)]
    assert done == await market.cart(user)
