"""The handlers of `orders.*`, one method per endpoint."""

from contracts.orders import (
    CancelOrder,
    DispatchStarted,
    GetOrder,
    GetOrderHistory,
    GetOrders,
    ListOrders,
    Order,
    OrderHistory,
    OrderPage,
    OrdersFound,
    PlaceOrder,
    StartDispatch,
)
from loading.batch_loader import BatchLoader
from mesh.core import context
from mesh.core.errors import Forbidden
from mesh.security.verifier import ADMIN
from mesh.service.idempotency import IdempotentWrites
from orders_svc.placement import Placements
from orders_svc.repository import Orders
from orders_svc.rows import visible
from subjects import (
    ORDERS_CANCEL,
    ORDERS_GET,
    ORDERS_GET_MANY,
    ORDERS_HISTORY,
    ORDERS_LIST,
    ORDERS_PLACE,
    ORDERS_START_DISPATCH,
)
from worker.answers import answers
from worker.traced_reads import trace_read


class Handlers:
    """The endpoints of the orders service. Users see their own orders, administrators see all."""

    def __init__(self, orders: Orders, writes: IdempotentWrites[Orders], placements: Placements) -> None:
        self._orders = orders
        self._by_id = BatchLoader(orders.find_many, trace=trace_read)
        self._writes = writes
        self._placements = placements

    @answers(ORDERS_PLACE)
    async def place(self, request: PlaceOrder) -> Order:
        """The new order.

        Raises Invalid for invalid lines or an unknown customer, and Forbidden if a user who is no administrator names a
        customer.
        """
        caller = context.caller()
        if request.customer_id is not None and ADMIN not in caller.roles:
            raise Forbidden("role_required", "only an administrator orders for a customer")
        # A repeated request gets its first answer, though the services that it needs may be away now.
        if (answered := await self._writes.answered(ORDERS_PLACE, request)) is not None:
            return answered
        placement = await self._placements.prepare(request)

        async def place(orders: Orders) -> Order:
            # Here and not before: a request at the same time may have been answered, and a product gone since.
            placement.refuse_errors()
            return await orders.place(placement, caller.user_id)

        return await self._writes(ORDERS_PLACE, request, place)

    @answers(ORDERS_GET)
    async def get(self, request: GetOrder) -> Order:
        """One order. Raises NotFound, also for another user's order."""
        order = await self._by_id.find(request.order_id)
        return visible(order, request.order_id, _owner())

    @answers(ORDERS_GET_MANY)
    async def get_many(self, request: GetOrders) -> OrdersFound:
        """The orders that the caller may see, each once, in the order of the request, as far as their lines fit."""
        return await self._orders.get_many(request.order_ids, _owner())

    @answers(ORDERS_LIST)
    async def list(self, request: ListOrders) -> OrderPage:
        """A page of orders. Raises Invalid for a cursor of another list."""
        return await self._orders.list(request, _owner())

    @answers(ORDERS_CANCEL)
    async def cancel(self, request: CancelOrder) -> Order:
        """The cancelled order. Raises NotFound, and Conflict for another version or if it is too late."""
        owner = _owner()
        return await self._writes(
            ORDERS_CANCEL, request, lambda orders: orders.cancel(request.order_id, request.expected_version, owner)
        )

    @answers(ORDERS_HISTORY)
    async def history(self, request: GetOrderHistory) -> OrderHistory:
        """The steps of one order. Raises NotFound, also for another user's order."""
        return await self._orders.history(request.order_id, _owner())

    @answers(ORDERS_START_DISPATCH)
    async def start_dispatch(self, request: StartDispatch) -> DispatchStarted:
        """The time since when the goods may leave. Raises NotFound, and Conflict unless the order is confirmed."""
        return await self._orders.start_dispatch(request.order_id)


def _owner() -> str | None:
    """The user whose orders the caller may see; None for all."""
    caller = context.caller()
    return None if ADMIN in caller.roles else caller.user_id
