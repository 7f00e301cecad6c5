"""The handlers of the prices of products, one method per endpoint."""

from contracts.products_prices import BulkChange, ListPrices, PricePage, PricesChanged
from mesh.service.idempotency import IdempotentWrites
from products_svc.prices_repository import Prices
from subjects import PRODUCTS_BULK_CHANGE, PRODUCTS_PRICES_LIST
from worker.answers import answers


class PriceHandlers:
    """The endpoints of prices."""

    def __init__(self, prices: Prices, writes: IdempotentWrites[Prices]) -> None:
        self._prices = prices
        self._writes = writes

    @answers(PRODUCTS_PRICES_LIST)
    async def list(self, request: ListPrices) -> PricePage:
        """A page of a product's prices. Raises NotFound, and Invalid for a cursor of another list."""
        return await self._prices.list(request)

    @answers(PRODUCTS_BULK_CHANGE)
    async def change(self, request: BulkChange) -> PricesChanged:
        """The prices that change. Raises Invalid for a missing or unknown selection, and Conflict as `Prices` does."""
        return await self._writes(PRODUCTS_BULK_CHANGE, request, lambda prices: prices.change(request))
