"""What `expand` adds to a list is read by an endpoint with the list's own access."""

from typing import Any

import pytest
from fastapi import APIRouter, Depends

from contracts.customers import CustomerPage, ListCustomers
from contracts.orders import GetOrders
from contracts.products import ListProducts, ProductPage
from gateway.api.orders.schemas import OrdersFound
from gateway.routing.calls import Call, calls
from gateway.routing.completing import completes
from gateway.routing.route import JsonRoute
from subjects import CUSTOMERS_LIST, ORDERS_CANCEL, ORDERS_GET_MANY, PRODUCTS_LIST

LINES = completes(ORDERS_GET_MANY, OrdersFound, lambda ids: GetOrders(order_ids=ids))


async def users(call: Call[ListCustomers, CustomerPage] = calls(CUSTOMERS_LIST)) -> CustomerPage:
    return await call(ListCustomers())


async def anyones(call: Call[ListProducts, ProductPage] = calls(PRODUCTS_LIST)) -> ProductPage:
    return await call(ListProducts())


async def nobodys() -> CustomerPage:
    return CustomerPage(items=(), next_cursor=None)


def route(function: Any, *dependencies: Any) -> JsonRoute:  # noqa: ANN401  # a route's function, and what Depends() returns
    router = APIRouter(route_class=JsonRoute)
    router.get("/things", dependencies=[*dependencies])(function)
    (made,) = router.routes
    assert isinstance(made, JsonRoute)
    return made


def test_a_route_knows_what_completes_its_items() -> None:
    made = route(users, LINES)
    assert made.completion is LINES.dependency
    assert ("order_id", ("lines",)) == (made.completion.key, made.completion.parts)
    assert route(users).completion is None


def test_a_plain_list_does_not_run_it() -> None:
    async def other() -> None:
        """Runs."""

    calls_of = [{one.call for one in made.dependant.dependencies} for made in (route(users, LINES), route(users))]
    assert calls_of[0] == calls_of[1]
    assert other in {one.call for one in route(users, LINES, Depends(other)).dependant.dependencies}


@pytest.mark.parametrize(
    ("function", "completion"),
    [
        (anyones, LINES),
        (nobodys, LINES),
        (users, completes(ORDERS_CANCEL, OrdersFound, lambda ids: GetOrders(order_ids=ids))),  # type: ignore[arg-type, return-value]  # no read
    ],
)
def test_another_access_than_the_lists_is_refused(function: Any, completion: Any) -> None:  # noqa: ANN401  # as above
    with pytest.raises(RuntimeError, match="is not guarded as the route is"):
        route(function, completion)
