"""The numbers of Northwind's inventory, and what to reorder."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.orders import NewLine
from contracts.products import CreateProduct, DiscontinueProduct, ListProducts, ProductPatch, UpdateProduct
from contracts.products_categories import CreateCategory
from contracts.products_inventory import GetInventory, ListCategoryStatistics, ListReorders
from contracts.products_stock import ReserveStock
from mesh.core.errors import Invalid
from products_svc.categories_handlers import CategoryHandlers
from products_svc.handlers import Handlers
from products_svc.inventory_handlers import InventoryHandlers
from products_svc.inventory_repository import InventoryReports
from products_svc.stock_repository import Warehouse
from providers.postgres.database import Database
from tests.support.northwind.northwind import every


@pytest.fixture
def inventory(database: Database) -> InventoryHandlers:
    return InventoryHandlers(InventoryReports(database))


async def update(handlers: Handlers, product_id: int, **changes: object) -> None:
    patch = ProductPatch.model_validate(changes)
    await handlers.update(UpdateProduct(product_id=product_id, expected_version=1, patch=patch))


async def reorders(inventory: InventoryHandlers, supplier_id: int | None = None) -> dict[int, int]:
    """The quantity to order of each product."""
    found = await every(inventory.list_reorders, ListReorders(supplier_id=supplier_id, limit=1))
    return {one.product_id: one.quantity for one in found}


async def test_northwinds_inventory_is_worth_74050_85(inventory: InventoryHandlers) -> None:
    assert {
        "products": 77,
        "discontinued": 8,
        "low_stock": 18,
        "units_in_stock": 3119,
        "inventory_value": "74050.85",
    } == (await inventory.get(GetInventory())).model_dump(mode="json")


async def test_low_stock_counts_what_the_list_of_products_shows(
    handlers: Handlers, inventory: InventoryHandlers
) -> None:
    listed = await every(handlers.list, ListProducts(low_stock=True, discontinued=False))

    assert 18 == len(listed) == (await inventory.get(GetInventory())).low_stock


async def test_northwinds_categories_have_these_numbers(inventory: InventoryHandlers) -> None:
    statistics = await every(inventory.list_statistics, ListCategoryStatistics(limit=3))

    assert [1, 2, 3, 4, 5, 6, 7, 8] == [one.category_id for one in statistics]
    assert {
        "category_id": 1,
        "category_name": "Beverages",
        "products": 12,
        "discontinued": 1,
        "low_stock": 3,
        "units_in_stock": 559,
        "inventory_value": "12480.25",
        "lowest_price": "4.50",
        "average_price": "37.98",
        "highest_price": "263.50",
    } == statistics[0].model_dump(mode="json")
    assert {
        "category_id": 8,
        "category_name": "Seafood",
        "products": 12,
        "discontinued": 0,
        "low_stock": 3,
        "units_in_stock": 701,
        "inventory_value": "13010.35",
        "lowest_price": "6.00",
        "average_price": "20.68",
        "highest_price": "62.50",
    } == statistics[7].model_dump(mode="json")
    total = await inventory.get(GetInventory())
    assert total.inventory_value == sum(one.inventory_value for one in statistics)
    assert total.low_stock == sum(one.low_stock for one in statistics)


async def test_a_category_without_products_has_no_prices(
    categories: CategoryHandlers, inventory: InventoryHandlers
) -> None:
    await categories.create(CreateCategory(category_name="Preserves"))

    [*_, preserves] = await every(inventory.list_statistics, ListCategoryStatistics())

    assert (0, "0.00", None, None) == (
        preserves.products,
        str(preserves.inventory_value),
        preserves.lowest_price,
        preserves.average_price,
    )


async def test_a_product_without_a_category_counts_in_the_inventory_alone(
    handlers: Handlers, inventory: InventoryHandlers
) -> None:
    await handlers.create(CreateProduct(product_name="Mjød", unit_price=Decimal("0.15"), units_in_stock=1))

    statistics = await every(inventory.list_statistics, ListCategoryStatistics())
    assert (77, Decimal("74050.85")) == (
        sum(one.products for one in statistics),
        sum(one.inventory_value for one in statistics),
    )
    total = await inventory.get(GetInventory())
    assert (78, "74051.00") == (total.products, str(total.inventory_value))


async def test_the_most_valuable_stock_can_be_shown(handlers: Handlers, inventory: InventoryHandlers) -> None:
    dear = CreateProduct(product_name="Gold", unit_price=Decimal("99999999.99"), units_in_stock=2**31 - 1)
    await handlers.create(dear)

    value = (await inventory.get(GetInventory())).inventory_value
    assert Decimal("99999999.99") * (2**31 - 1) + Decimal("74050.85") == value


async def test_northwinds_products_to_reorder_fill_the_stock_to_twice_the_level(inventory: InventoryHandlers) -> None:
    assert {30: 2 * 15 - 10, 70: 2 * 30 - 15 - 10} == await reorders(inventory)
    assert {70: 35} == await reorders(inventory, supplier_id=7)
    assert {} == await reorders(inventory, supplier_id=1)


async def test_reserved_units_are_not_available(inventory: InventoryHandlers, database: Database) -> None:
    lines = (NewLine(product_id=1, quantity=29),)  # Chai: 39 in stock, level 10
    await Warehouse(database).reserve(ReserveStock(order_id=1, lines=lines))

    assert 10 == (await reorders(inventory))[1]


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ({1: 10}, {"units_in_stock": 10}),
        ({}, {"units_in_stock": 11}),
        ({}, {"units_in_stock": 0, "units_on_order": 11}),
        ({}, {"units_in_stock": 0, "reorder_level": 0}),
        ({1: 2**32 - 2}, {"units_in_stock": 0, "reorder_level": 2**31 - 1}),
    ],
)
async def test_a_product_is_reordered_at_its_level(
    handlers: Handlers, inventory: InventoryHandlers, expected: dict[int, int], changes: dict[str, Any]
) -> None:
    await update(handlers, 1, **changes)

    assert expected == await reorders(inventory, supplier_id=1)


async def test_a_discontinued_product_is_not_reordered(handlers: Handlers, inventory: InventoryHandlers) -> None:
    await handlers.discontinue(DiscontinueProduct(product_id=30))

    assert {70: 35} == await reorders(inventory)


async def test_a_cursor_of_another_report_is_refused(inventory: InventoryHandlers) -> None:
    cursor = (await inventory.list_statistics(ListCategoryStatistics(limit=1))).next_cursor

    with pytest.raises(Invalid) as refused:
        await inventory.list_reorders(ListReorders(cursor=cursor))
    assert "invalid_cursor" == refused.value.reason
