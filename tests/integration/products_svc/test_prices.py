"""Each price is kept in the transaction that sets it, and many prices change at once or not at all."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from contracts.products import CreateProduct, DiscontinueProduct, ListProducts, ProductPatch, UpdateProduct
from contracts.products_prices import MOST_CHANGES, BulkChange, ListPrices, PriceChange
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Conflict, Invalid, NotFound
from products_svc.handlers import Handlers
from products_svc.prices_handlers import PriceHandlers
from providers.postgres.database import Database
from tests.support.northwind.northwind import every

NANCY = Caller(user_id="nancy", session_id="s1", roles=frozenset({"ADMIN"}))
BEVERAGES_SOLD = [1, 2, 34, 35, 38, 39, 43, 67, 70, 75, 76]
"""Of Northwind's twelve beverages, Guaraná Fantástica (24) is discontinued."""


def a_request(request_id: str) -> Context:
    return Context(request_id=request_id, deadline=asyncio.get_running_loop().time() + 60, caller=NANCY)


async def update(handlers: Handlers, version: int, **changes: object) -> None:
    patch = ProductPatch.model_validate(changes)
    await handlers.update(UpdateProduct(product_id=1, expected_version=version, patch=patch))


async def history(prices: PriceHandlers, product_id: int = 1) -> list[tuple[str | None, str, str | None, str | None]]:
    """Previous price, price, user and request of each price, the newest first."""
    found = await every(prices.list, ListPrices(product_id=product_id, limit=1))
    assert sorted((price.at for price in found), reverse=True) == [price.at for price in found]
    return [
        (
            None if price.previous_price is None else str(price.previous_price),
            str(price.unit_price),
            price.user_id,
            price.request_id,
        )
        for price in found
    ]


def change(by: str, change: str, **fields: Any) -> BulkChange:  # noqa: ANN401  # of any type
    return BulkChange.model_validate_json(json.dumps({"by": by, "change": change, **fields}))


async def of_category(handlers: Handlers, category_id: int = 1) -> dict[int, tuple[Decimal, int]]:
    """Price and version of each product of the category."""
    found = await every(handlers.list, ListProducts(category_id=category_id))
    return {product.product_id: (product.unit_price, product.version) for product in found}


async def announced(database: Database) -> list[dict[str, int]]:
    rows = await database.fetch("SELECT body FROM outbox ORDER BY position")
    return [json.loads(row["body"]) for row in rows]


async def test_each_price_is_kept_with_who_set_it_and_by_which_request(
    handlers: Handlers, prices: PriceHandlers
) -> None:
    with working_on(a_request("r1")):
        await update(handlers, 1, unit_price="19.5")
    await update(handlers, 2, unit_price="20")

    expected = [("19.50", "20.00", None, None), ("18.00", "19.50", "nancy", "r1"), (None, "18.00", None, None)]
    assert expected == await history(prices)


async def test_the_first_price_of_a_new_product_is_kept(handlers: Handlers, prices: PriceHandlers) -> None:
    with working_on(a_request("r1")):
        created = await handlers.create(CreateProduct(product_name="Mjød", unit_price=Decimal("12.50")))

    assert [(None, "12.50", "nancy", "r1")] == await history(prices, created.product_id)


async def test_a_change_of_something_else_is_no_new_price(handlers: Handlers, prices: PriceHandlers) -> None:
    await update(handlers, 1, unit_price="18", reorder_level=5)
    await update(handlers, 2, units_in_stock=7)

    assert [(None, "18.00", None, None)] == await history(prices)


async def test_a_price_that_is_not_committed_is_not_kept(handlers: Handlers, prices: PriceHandlers) -> None:
    with pytest.raises(Invalid):
        await update(handlers, 1, unit_price="19.5", category_id=999)

    assert [(None, "18.00", None, None)] == await history(prices)


async def test_a_writer_that_knows_nothing_of_the_history_cannot_forget_it(
    database: Database, prices: PriceHandlers
) -> None:
    await database.fetch("UPDATE products SET unit_price = 17 WHERE product_id = 1")

    assert [("18.00", "17.00", None, None), (None, "18.00", None, None)] == await history(prices)


async def test_an_unknown_product_has_no_prices(prices: PriceHandlers) -> None:
    with pytest.raises(NotFound):
        await prices.list(ListPrices(product_id=2**31 - 1))


async def test_the_prices_of_a_category_change_by_a_percentage_half_up(
    handlers: Handlers, prices: PriceHandlers, database: Database
) -> None:
    before = await of_category(handlers)
    with working_on(a_request("r2")):
        changed = await prices.change(change("percent", "5", category_id=1))

    assert BEVERAGES_SOLD == [one.product_id for one in changed.prices]
    chartreuse = PriceChange(product_id=39, previous_price=Decimal(18), unit_price=Decimal("18.90"), version=2)
    guarana = {24: (Decimal("4.50"), 1)}  # it is discontinued
    assert chartreuse in changed.prices
    assert [(38, "276.68"), (75, "8.14")] == [  # 263.50 by 5 % is 276.675, and 7.75 is 8.1375
        (one.product_id, str(one.unit_price)) for one in changed.prices if one.product_id in (38, 75)
    ]
    expected = {one.product_id: (one.unit_price, one.version) for one in changed.prices} | guarana
    assert expected == await of_category(handlers)
    assert {one.product_id: one.previous_price for one in changed.prices} == {
        key: price for key, (price, _) in before.items() if key != 24
    }
    assert [("18.00", "18.90", "nancy", "r2"), (None, "18.00", None, None)] == await history(prices, 39)
    assert [{"product_id": key, "version": 2} for key in BEVERAGES_SOLD] == await announced(database)


async def test_a_dry_run_shows_the_same_prices_and_changes_nothing(
    handlers: Handlers, prices: PriceHandlers, database: Database
) -> None:
    before = await of_category(handlers)
    tried = await prices.change(change("amount", "-0.50", category_id=1, dry_run=True))

    assert before == await of_category(handlers)
    assert [] == await announced(database)
    assert {1} == {one.version for one in tried.prices}
    made = await prices.change(change("amount", "-0.50", category_id=1))
    shown = [one.model_copy(update={"version": 2}) for one in tried.prices]
    assert (True, False, tuple(shown)) == (tried.dry_run, made.dry_run, made.prices)


@pytest.mark.parametrize(
    ("expected", "selection"),
    [
        ([1, 2, 3], {"supplier_id": 1}),
        ([1, 2], {"supplier_id": 1, "category_id": 1}),
        ([], {"supplier_id": 1, "category_id": 8}),
    ],
)
async def test_a_supplier_and_a_category_select_the_products_of_both(
    prices: PriceHandlers, expected: list[int], selection: dict[str, int]
) -> None:
    changed = await prices.change(change("amount", "1", **selection))

    assert expected == [one.product_id for one in changed.prices]


async def test_a_price_that_stays_the_same_is_no_change(prices: PriceHandlers, database: Database) -> None:
    changed = await prices.change(change("percent", "0.01", category_id=1))  # only 263.50 gains a cent or more

    assert [(38, "263.53")] == [(one.product_id, str(one.unit_price)) for one in changed.prices]
    assert [{"product_id": 38, "version": 2}] == await announced(database)


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("too_many_products", {"change": "1", "category_id": 1, "at_most": 10}),
        ("price_out_of_range", {"change": "-18", "category_id": 1}),  # one costs 4.50
        ("price_out_of_range", {"change": "99999999", "supplier_id": 1}),
        ("unknown_category", {"change": "1", "category_id": 999}),
        ("unknown_supplier", {"change": "1", "category_id": 1, "supplier_id": 999}),
        ("selection_required", {"change": "1"}),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(
    handlers: Handlers, prices: PriceHandlers, database: Database, reason: str, fields: dict[str, Any]
) -> None:
    before = await of_category(handlers)
    for dry_run in (True, False):
        with pytest.raises((Conflict, Invalid)) as refused:
            await prices.change(change("amount", dry_run=dry_run, **fields))
        assert reason == refused.value.reason

    assert before == await of_category(handlers)
    assert [] == await announced(database)


async def test_two_changes_at_once_follow_each_other(handlers: Handlers, prices: PriceHandlers) -> None:
    one = change("amount", "1", category_id=1)
    await asyncio.gather(prices.change(one), prices.change(one), handlers.discontinue(DiscontinueProduct(product_id=2)))

    assert (Decimal(20), 3) == (await of_category(handlers))[1]


async def test_a_thousand_prices_change_at_once(prices: PriceHandlers, database: Database) -> None:
    await database.fetch(
        "INSERT INTO products (product_name, product_name_folded, category_id, unit_price)"
        " SELECT 'x', 'x', 8, 1 FROM generate_series(1, $1)",
        MOST_CHANGES - 12,  # Seafood has twelve
    )

    changed = await prices.change(change("amount", "0.50", category_id=8))

    assert MOST_CHANGES == len(changed.prices) == len(await announced(database))
