"""`/v1/products/inventory`, `/v1/products/reorder` and `/v1/categories/statistics`."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts import products_inventory as inventory
from gateway.api.products.inventory_schemas import CategoryStatisticsPage, Inventory, ReorderPage, ReorderQuery
from gateway.api.products.schemas import PageQuery
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import PRODUCTS_CATEGORIES_STATISTICS, PRODUCTS_INVENTORY_GET, PRODUCTS_REORDER_LIST

router = APIRouter(prefix="/v1", tags=["products"], route_class=JsonRoute)


@router.get("/products/inventory", summary="Get the inventory's value")
async def get_inventory(
    call: Call[inventory.GetInventory, Inventory] = calls(PRODUCTS_INVENTORY_GET, Inventory),
) -> Inventory:
    """Get the value of all goods in stock, and how many products there are."""
    return await call(inventory.GetInventory())


@router.get("/products/reorder", summary="List products to reorder")
async def list_reorders(
    query: Annotated[ReorderQuery, Query()],
    call: Call[inventory.ListReorders, ReorderPage] = calls(PRODUCTS_REORDER_LIST, ReorderPage),
) -> ReorderPage:
    """List the products to reorder, and how many units.

    These are the products that are still sold, have a reorder level, and whose available units and units on order
    together are at or below that level. Units that orders have reserved are not available.
    """
    return await call(inventory.ListReorders(**query.model_dump(exclude_unset=True)))


@router.get("/categories/statistics", summary="List statistics of categories")
async def list_category_statistics(
    page: Annotated[PageQuery, Query()],
    call: Call[inventory.ListCategoryStatistics, CategoryStatisticsPage] = calls(
        PRODUCTS_CATEGORIES_STATISTICS, CategoryStatisticsPage
    ),
) -> CategoryStatisticsPage:
    """List the numbers of each category, by id. Products without a category are in none of them."""
    return await call(inventory.ListCategoryStatistics(**page.model_dump(exclude_unset=True)))
