"""The inventory in PostgreSQL: its value, statistics of each category, and what to reorder."""

# ruff: noqa: S608  # SQL is built from our own column names; values are parameters

from typing import Any, Final

from pydantic import TypeAdapter

from contracts.base import Id
from contracts.products_inventory import (
    CategoryStatisticsPage,
    Inventory,
    ListCategoryStatistics,
    ListReorders,
    ReorderPage,
)
from products_svc.faults import invalid_cursor
from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.database import Statements
from providers.postgres.keyset import Order, Select
from subjects import PRODUCTS_CATEGORIES_STATISTICS, PRODUCTS_REORDER_LIST

# The numbers of a group of products. A category without products has one row that is null.
_NUMBERS: Final = """
    count(product_id) AS products,
    count(product_id) FILTER (WHERE discontinued) AS discontinued,
    count(product_id) FILTER (WHERE NOT discontinued AND units_in_stock <= reorder_level) AS low_stock,
    coalesce(sum(units_in_stock), 0) AS units_in_stock,
    coalesce(sum(unit_price * units_in_stock), 0.00) AS inventory_value
"""
_STATISTICS: Final = f"""(
    SELECT category_id, category_name, {_NUMBERS},
        min(unit_price) AS lowest_price, round(avg(unit_price), 2) AS average_price, max(unit_price) AS highest_price
    FROM categories LEFT JOIN products USING (category_id) GROUP BY category_id
) AS statistics"""
_AHEAD: Final = "(units_in_stock::bigint - units_reserved + units_on_order)"  # bigint: a sum of integers may be longer
_REORDER: Final = (
    "product_id, product_name, supplier_id, units_in_stock, units_reserved, units_on_order, reorder_level,"
    f" 2::bigint * reorder_level - {_AHEAD} AS quantity"
)
_BY_CATEGORY: Final = Order(("category_id",), TypeAdapter(tuple[Id]))
_BY_PRODUCT: Final = Order(("product_id",), TypeAdapter(tuple[Id]))


class InventoryReports:
    """Reads of all products together. Each is one statement, and so one moment."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self) -> Inventory:
        """The numbers of all products."""
        [row] = await self._database.fetch(f"SELECT {_NUMBERS} FROM products")
        return Inventory.model_validate(dict(row))

    async def list_statistics(self, request: ListCategoryStatistics) -> CategoryStatisticsPage:
        """A page of the statistics of categories. Raises Invalid for a cursor of another list."""
        page = Page.of(PRODUCTS_CATEGORIES_STATISTICS.subject, request)
        return CategoryStatisticsPage.model_validate(await self._page(Select("*", _STATISTICS), _BY_CATEGORY, page))

    async def list_reorders(self, request: ListReorders) -> ReorderPage:
        """A page of the products to reorder. Raises Invalid for a cursor of another list."""
        select = Select(_REORDER, "products")
        select.where(f"NOT discontinued AND reorder_level > 0 AND {_AHEAD} <= reorder_level")
        if request.supplier_id is not None:
            select.equal("supplier_id", request.supplier_id)
        page = Page.of(PRODUCTS_REORDER_LIST.subject, request)
        return ReorderPage.model_validate(await self._page(select, _BY_PRODUCT, page))

    async def _page(self, select: Select, order: Order, page: Page) -> dict[str, Any]:
        try:
            rows, following = await select.page(self._database, order, page)
        except InvalidCursor as error:
            raise invalid_cursor(str(error)) from error
        return {"items": [*map(dict, rows)], "next_cursor": following}
