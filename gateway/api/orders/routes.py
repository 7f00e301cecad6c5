"""`/v1/orders`, and the orders of one customer."""

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from contracts import orders
from contracts.base import Id
from contracts.customers import CustomerId
from contracts.orders import OrderStatus, may_become
from gateway.api.orders.schemas import (
    CustomerOrderQuery,
    NewOrder,
    Order,
    OrderHistory,
    OrderPage,
    OrderQuery,
    OrdersFound,
)
from gateway.api.schemas import InDigits
from gateway.routing.calls import Call, calls
from gateway.routing.completing import completes
from gateway.routing.conditional_writes import ExpectedVersion
from gateway.routing.following import read_after
from gateway.routing.operations import documented
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, changed, resource
from subjects import ORDERS_CANCEL, ORDERS_GET, ORDERS_GET_MANY, ORDERS_HISTORY, ORDERS_LIST, ORDERS_PLACE

router = APIRouter(prefix="/v1", tags=["orders"], route_class=JsonRoute)

_REACHED: Final = {f"{ORDERS_GET.service}.{status}": status for status in OrderStatus}
"""The status that an event announces, by its name."""

Wait = Annotated[
    OrderStatus | None,
    Query(
        description="Answer once the order has this status or can no longer reach it, after 10 seconds in any case.",
        examples=["confirmed"],
    ),
]
OrderId = Annotated[Id, InDigits, Path(examples=[10248])]


_WITH_LINES: Final = completes(ORDERS_GET_MANY, OrdersFound, lambda ids: orders.GetOrders(order_ids=ids))


@router.get("/orders", dependencies=[_WITH_LINES], summary="List orders")
async def list_orders(
    query: Annotated[OrderQuery, Query()],
    call: Call[orders.ListOrders, OrderPage] = calls(ORDERS_LIST, OrderPage),
) -> OrderPage:
    """List the orders that match every given filter. Users see their own orders, administrators see all."""
    return await call(query.to_contract())


@router.post(
    "/orders",
    status_code=202,
    response_model=Order,
    responses=changed(202),
    summary="Place an order",
)
async def place_order(body: NewOrder, call: Call[orders.PlaceOrder, Order] = calls(ORDERS_PLACE, Order)) -> Response:
    """Place an order at current prices.

    The goods are reserved afterwards. The order is then `confirmed`, or `refused` if products are short.
    """
    order = await call(body.to_contract())
    location = f"{router.prefix}/orders/{order.order_id}"
    return resource(order, status=202, headers={"Location": location})


@router.get(
    "/orders/{order_id}", response_model=Order, responses={**READ, 429: documented(429)}, summary="Get an order"
)
async def get_order(
    request: Request,
    order_id: OrderId,
    wait: Wait = None,
    call: Call[orders.GetOrder, Order] = calls(ORDERS_GET, Order),
) -> Response:
    """Get one order by id. Users see their own orders, administrators see all."""
    read = partial(call, orders.GetOrder(order_id=order_id))
    if wait is None:
        return resource(await read())
    order = await read_after(
        request,
        (ORDERS_GET.service, str(order_id)),
        read,
        waits=lambda order: may_become(order.status, wait),
        ends=lambda event: (status := _REACHED.get(event)) is not None and not may_become(status, wait),
    )
    return resource(order)


@router.post(
    "/orders/{order_id}/cancel",
    response_model=Order,
    responses=changed(),
    summary="Cancel an order",
)
async def cancel_order(
    order_id: OrderId,
    version: ExpectedVersion,
    call: Call[orders.CancelOrder, Order] = calls(ORDERS_CANCEL, Order),
) -> Response:
    """Cancel an order before it is dispatched. Repeating this has no effect."""
    return resource(await call(orders.CancelOrder(order_id=order_id, expected_version=version)))


@router.get("/orders/{order_id}/history", summary="Get an order's history")
async def get_order_history(
    order_id: OrderId, call: Call[orders.GetOrderHistory, OrderHistory] = calls(ORDERS_HISTORY, OrderHistory)
) -> OrderHistory:
    """Get the statuses that an order has reached, with their times."""
    return await call(orders.GetOrderHistory(order_id=order_id))


@router.get("/customers/{customer_id}/orders", dependencies=[_WITH_LINES], summary="List a customer's orders")
async def list_customer_orders(
    customer_id: Annotated[CustomerId, Path(description="Five capital letters.", examples=["ALFKI"])],
    query: Annotated[CustomerOrderQuery, Query()],
    call: Call[orders.ListOrders, OrderPage] = calls(ORDERS_LIST, OrderPage),
) -> OrderPage:
    """List the orders of one customer. Users see their own orders, administrators see all."""
    return await call(orders.ListOrders(**query.model_dump(exclude_unset=True), customer_id=customer_id))
