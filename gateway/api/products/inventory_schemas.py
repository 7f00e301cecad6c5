"""The shapes of the inventory, the statistics of categories, and the suggestions to reorder."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import products_inventory as inventory
from contracts.base import Count, Id, Items
from gateway.api.schemas import InDigits, MoneyShown, PageCursor, PageLimit, Query, Shown, ValueShown

_INVENTORY: JsonDict = {
    "products": 77,
    "discontinued": 8,
    "low_stock": 18,
    "units_in_stock": 3119,
    "inventory_value": "74050.85",
}
_BEVERAGES: JsonDict = {
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
}
_OUTBACK_LAGER: JsonDict = {
    "product_id": 70,
    "product_name": "Outback Lager",
    "supplier_id": 7,
    "units_in_stock": 15,
    "units_reserved": 0,
    "units_on_order": 10,
    "reorder_level": 30,
    "quantity": 35,
}

LowStock = Annotated[
    Count, Field(description="Products that are still sold, with units in stock at or below the reorder level.")
]
StockValue = Annotated[ValueShown, Field(description="Units in stock at their current prices.")]


class Inventory(Shown[inventory.Inventory]):
    """All products together, discontinued ones included."""

    model_config = ConfigDict(json_schema_extra={"examples": [_INVENTORY]})

    products: Count
    discontinued: Count
    low_stock: LowStock
    units_in_stock: int
    inventory_value: StockValue


class CategoryStatistics(Shown[inventory.CategoryStatistics]):
    """The products of a category, discontinued ones included. Prices are null if it has none."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BEVERAGES]})

    category_id: Id
    category_name: str
    products: Count
    discontinued: Count
    low_stock: LowStock
    units_in_stock: int
    inventory_value: StockValue
    lowest_price: MoneyShown | None
    average_price: Annotated[
        MoneyShown | None, Field(description="Rounded half up to cents. Each product counts once.")
    ]
    highest_price: MoneyShown | None


class CategoryStatisticsPage(Shown[inventory.CategoryStatisticsPage]):
    """A page of the statistics of categories, by id. The last page has no `next_cursor`."""

    items: Items[CategoryStatistics]
    next_cursor: str | None


class Reorder(Shown[inventory.Reorder]):
    """A suggestion to order `quantity` units, which fill the stock to twice its reorder level."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OUTBACK_LAGER]})

    product_id: Id
    product_name: str
    supplier_id: int | None
    units_in_stock: Count
    units_reserved: Count
    units_on_order: Count
    reorder_level: Count
    quantity: int


class ReorderPage(Shown[inventory.ReorderPage]):
    """A page of the suggestions, by product. The last page has no `next_cursor`."""

    items: Items[Reorder]
    next_cursor: str | None


class ReorderQuery(Query):
    """Filter and page of the suggestions to reorder."""

    supplier_id: Annotated[Id | None, InDigits] = None
    limit: PageLimit = 50
    cursor: PageCursor = None
