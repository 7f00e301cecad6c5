"""What a cart shows when products have changed, or do not answer."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from contracts.carts import CartChange, PutItem, RemoveItem
from contracts.products import DiscontinueProduct, Product, ProductPatch, UpdateProduct
from mesh.core.errors import Code
from subjects import CARTS_PUT_ITEM, CARTS_REMOVE_ITEM, PRODUCTS_DISCONTINUE, PRODUCTS_GET_MANY, PRODUCTS_UPDATE
from tests.integration.carts_svc.market import Market, open_market, somebody


async def change(market: Market, product: Product, **changes: object) -> None:
    patch = ProductPatch.model_validate(changes)
    update = UpdateProduct(product_id=product.product_id, expected_version=product.version, patch=patch)
    await market.administer(PRODUCTS_UPDATE, update)


async def test_a_cart_shows_what_has_changed_since_it_was_filled(market: Market) -> None:
    user, dearer, renamed, same = somebody(), *[await market.product("1.50") for _ in range(3)]
    for product in (dearer, renamed, same):
        await market.put(user, product.product_id, 2)
    await change(market, dearer, unit_price="2.00")
    await change(market, renamed, product_name="Another name")

    cart = await market.cart(user)

    first, second, _ = cart.items
    assert [(CartChange.PRICE,), (CartChange.NAME,), ()] == [item.changes for item in cart.items]
    assert (Decimal("2.00"), Decimal("1.50")) == (first.unit_price, first.was.unit_price)
    assert ("Another name", "Made") == (second.product_name, second.was.product_name)
    assert (Decimal("4.00"), Decimal("10.00"), 4) == (first.amount, cart.total, cart.version)


async def test_a_put_takes_note_of_the_current_price(market: Market) -> None:
    user, product = somebody(), await market.product("1.50")
    await market.put(user, product.product_id, 2)
    await change(market, product, unit_price="2.00")

    [item] = (await market.put(user, product.product_id, 2)).items

    assert ((), Decimal("2.00")) == (item.changes, item.was.unit_price)


async def test_a_discontinued_item_does_not_count(market: Market) -> None:
    user, product, gone = somebody(), await market.product("1.50"), await market.product("5.00")
    await market.put(user, product.product_id, 2)
    await market.put(user, gone.product_id, 1)
    await market.administer(PRODUCTS_DISCONTINUE, DiscontinueProduct(product_id=gone.product_id))

    cart = await market.cart(user)

    item = cart.items[1]
    assert (True, None, Decimal("5.00")) == (item.discontinued, item.amount, item.unit_price)
    assert ((CartChange.DISCONTINUED,), Decimal("3.00")) == (item.changes, cart.total)


async def test_an_item_whose_product_is_gone_is_discontinued_and_has_no_price(market: Market) -> None:
    user, product = somebody(), await market.product()
    await market.put(user, product.product_id)
    await market.database["carts"].update_one({"_id": user}, {"$set": {"lines.0.product_id": 2**31 - 1}})

    cart = await market.cart(user)

    [item] = cart.items
    assert (True, None, None, "Made") == (item.discontinued, item.unit_price, item.amount, item.product_name)
    assert Decimal("0.00") == cart.total


async def test_without_products_a_cart_shows_no_price_as_current(
    urls: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with open_market(urls, tmp_path_factory.mktemp("market")) as market:
        user, one, other = somebody(), await market.product("1.50"), await market.product("2.50")
        await market.put(user, one.product_id, 2)
        await market.put(user, other.product_id, 1)
        await market.services["products"].drain()

        cart = await market.cart(user)
        removed = await market.ask(CARTS_REMOVE_ITEM, RemoveItem(product_id=other.product_id), user)
        refused = await market.refused(CARTS_PUT_ITEM, PutItem(product_id=one.product_id, quantity=3), user)
        await market.transport.subscribe(PRODUCTS_GET_MANY.subject, lambda _: None)
        silent = await market.cart(user)

    item = cart.items[0]
    assert (False, None) == (cart.prices_current, cart.total)
    assert ("Made", 2, None, None, None, ()) == (
        item.product_name,
        item.quantity,
        item.unit_price,
        item.amount,
        item.discontinued,
        item.changes,
    )
    assert Decimal("1.50") == item.was.unit_price
    assert [item] == [*removed.items]
    assert removed == silent, "products that take a request and never answer are as good as away"
    assert (Code.OVERLOADED, "dependency_unavailable") == (refused.code, refused.reason)
