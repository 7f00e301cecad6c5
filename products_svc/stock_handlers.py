"""What `products.stock.*` answers, one method an endpoint."""

from contracts.products_stock import (
    AdjustStock,
    CommitStock,
    GetStock,
    ListMovements,
    MovementKind,
    MovementPage,
    ReceiveStock,
    ReleaseStock,
    Reservation,
    ReserveStock,
    Stock,
)
from mesh.core import context
from mesh.service.idempotency import IdempotentWrites
from products_svc.stock_repository import Cause, Warehouse
from subjects import (
    PRODUCTS_STOCK_ADJUST,
    PRODUCTS_STOCK_COMMIT,
    PRODUCTS_STOCK_GET,
    PRODUCTS_STOCK_MOVEMENTS,
    PRODUCTS_STOCK_RECEIVE,
    PRODUCTS_STOCK_RELEASE,
    PRODUCTS_STOCK_RESERVE,
)
from worker.answers import answers


class StockHandlers:
    """The endpoints of the stock. Orders' reservations are the service `stock`'s to make; NATS lets nobody else ask."""

    def __init__(self, warehouse: Warehouse, writes: IdempotentWrites[Warehouse]) -> None:
        self._warehouse = warehouse
        self._writes = writes

    @answers(PRODUCTS_STOCK_GET)
    async def get(self, request: GetStock) -> Stock:
        """The units of one product. Raises NotFound."""
        return await self._warehouse.get(request.product_id)

    @answers(PRODUCTS_STOCK_MOVEMENTS)
    async def list_movements(self, request: ListMovements) -> MovementPage:
        """A page of movements. Raises NotFound, Invalid for a cursor of another list."""
        return await self._warehouse.list_movements(request)

    @answers(PRODUCTS_STOCK_RECEIVE)
    async def receive(self, request: ReceiveStock) -> Stock:
        """The units with the goods that came. Raises NotFound, Conflict where they would be too many."""
        cause = Cause(MovementKind.RECEIVED, user_id=context.caller().user_id, reason=request.reason)
        return await self._writes(
            PRODUCTS_STOCK_RECEIVE,
            request,
            lambda warehouse: warehouse.change(request.product_id, request.quantity, cause),
        )

    @answers(PRODUCTS_STOCK_ADJUST)
    async def adjust(self, request: AdjustStock) -> Stock:
        """The corrected units. Raises NotFound, Conflict where fewer would be left than are reserved."""
        cause = Cause(MovementKind.ADJUSTED, user_id=context.caller().user_id, reason=request.reason)
        return await self._writes(
            PRODUCTS_STOCK_ADJUST,
            request,
            lambda warehouse: warehouse.change(request.product_id, request.change, cause),
        )

    @answers(PRODUCTS_STOCK_RESERVE)
    async def reserve(self, request: ReserveStock) -> Reservation:
        """What became of the order's units: reserved or refused, all of them."""
        return await self._warehouse.reserve(request)

    @answers(PRODUCTS_STOCK_RELEASE)
    async def release(self, request: ReleaseStock) -> Reservation:
        """What became of the order's units."""
        return await self._warehouse.release(request.order_id)

    @answers(PRODUCTS_STOCK_COMMIT)
    async def commit(self, request: CommitStock) -> Reservation:
        """What became of the order's units. Raises NotFound where nothing was ever reserved."""
        return await self._warehouse.commit(request.order_id)
