"""What `orders.*` answers, one method an endpoint."""

from contracts.orders import (
    CancelOrder,
    GetOrder,
    GetOrderHistory,
    ListOrders,
    Order,
    OrderHistory,
    OrderPage,
    PlaceOrder,
)
from loading.batch_loader import BatchLoader
from mesh.core import context
from mesh.core.errors import Forbidden
from mesh.security.verifier import ADMIN
from mesh.service.idempotency import IdempotentWrites
from orders_svc.placement import Placements
from orders_svc.repository import Orders
from orders_svc.rows import visible
from subjects import ORDERS_CANCEL, ORDERS_GET, ORDERS_HISTORY, ORDERS_LIST, ORDERS_PLACE
from worker.answers import answers


class Handlers:
    """The endpoints of the orders service. Users have their own orders; administrators have all."""

    def __init__(self, orders: Orders, writes: IdempotentWrites[Orders], placements: Placements) -> None:
        self._orders = orders
        self._by_id = BatchLoader(orders.find_many)
        self._writes = writes
        self._placements = placements

    @answers(ORDERS_PLACE)
    async def place(self, request: PlaceOrder) -> Order:
        """The new order. Raises Invalid for lines or a customer that cannot be, Forbidden for a user's customer."""
        caller = context.caller()
        if request.customer_id is not None and ADMIN not in caller.roles:
            raise Forbidden("role_required", "only an administrator orders for a customer")
        placement = await self._placements.prepare(request)

        async def place(orders: Orders) -> Order:
            # Here and not before: a repeated request gets its first answer, though a product may be gone since.
            placement.refuse_errors()
            return await orders.place(placement, caller.user_id)

        return await self._writes(ORDERS_PLACE, request, place)

    @answers(ORDERS_GET)
    async def get(self, request: GetOrder) -> Order:
        """One order. Raises NotFound, for another user's too."""
        order = await self._by_id.find(request.order_id)
        return visible(order, request.order_id, _owner())

    @answers(ORDERS_LIST)
    async def list(self, request: ListOrders) -> OrderPage:
        """A page of orders. Raises Invalid for a cursor of another list."""
        return await self._orders.list(request, _owner())

    @answers(ORDERS_CANCEL)
    async def cancel(self, request: CancelOrder) -> Order:
        """The cancelled order. Raises NotFound, Conflict for another version or once it is too late."""
        owner = _owner()
        return await self._writes(
            ORDERS_CANCEL, request, lambda orders: orders.cancel(request.order_id, request.expected_version, owner)
        )

    @answers(ORDERS_HISTORY)
    async def history(self, request: GetOrderHistory) -> OrderHistory:
        """The steps of one order. Raises NotFound, for another user's too."""
        return await self._orders.history(request.order_id, _owner())


def _owner() -> str | None:
    """Whose orders the caller has; None for everybody's."""
    caller = context.caller()
    return None if ADMIN in caller.roles else caller.user_id
