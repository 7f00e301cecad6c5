"""The handlers of the inventory, one method per endpoint."""

from contracts.products_inventory import (
    CategoryStatisticsPage,
    GetInventory,
    Inventory,
    ListCategoryStatistics,
    ListReorders,
    ReorderPage,
)
from products_svc.inventory_repository import InventoryReports
from subjects import PRODUCTS_CATEGORIES_STATISTICS, PRODUCTS_INVENTORY_GET, PRODUCTS_REORDER_LIST
from worker.answers import answers


class InventoryHandlers:
    """The endpoints of the inventory. They change nothing."""

    def __init__(self, reports: InventoryReports) -> None:
        self._reports = reports

    @answers(PRODUCTS_INVENTORY_GET)
    async def get(self, _: GetInventory) -> Inventory:
        """The numbers of all products."""
        return await self._reports.get()

    @answers(PRODUCTS_CATEGORIES_STATISTICS)
    async def list_statistics(self, request: ListCategoryStatistics) -> CategoryStatisticsPage:
        """A page of the statistics of categories. Raises Invalid for a cursor of another list."""
        return await self._reports.list_statistics(request)

    @answers(PRODUCTS_REORDER_LIST)
    async def list_reorders(self, request: ListReorders) -> ReorderPage:
        """A page of the products to reorder. Raises Invalid for a cursor of another list."""
        return await self._reports.list_reorders(request)
