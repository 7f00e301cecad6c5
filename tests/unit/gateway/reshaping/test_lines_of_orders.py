"""`expand=lines`: the lines of all orders of a page, by one call more."""

import json
from collections.abc import Callable

import pytest
from httpx2 import AsyncClient

from contracts.orders import GetOrders, Order, OrderPage, OrdersFound, OrderSummary
from mesh.core.errors import Unavailable
from subjects import CUSTOMERS_GET_MANY, ORDERS_GET, ORDERS_GET_MANY, ORDERS_LIST
from tests.support.contract import golden
from tests.support.gateway.world import REPLIES, World
from tests.support.http.problems import problem

SAMPLE = Order.model_validate(golden.sample(ORDERS_GET.subject))
LISTS = ["/v1/orders", "/v1/customers/ALFKI/orders"]


def order(order_id: int) -> Order:
    """An order whose only line has as many units as its id says."""
    return SAMPLE.model_copy(
        update={"order_id": order_id, "lines": (SAMPLE.lines[0].model_copy(update={"quantity": order_id}),)}
    )


def page(*order_ids: int) -> OrderPage:
    summaries = tuple(OrderSummary.model_validate(dict(order(one))) for one in order_ids)
    return OrderPage(items=summaries, next_cursor=None)


def at_most(most: int) -> Callable[[GetOrders], OrdersFound]:
    """Replies with so many orders, and leaves out the rest."""

    def found(request: GetOrders) -> OrdersFound:
        ids = request.order_ids
        return OrdersFound(items=tuple(map(order, ids[:most])), missing=(), left_out=ids[most:])

    return found


@pytest.fixture
def world_of_orders(world: World) -> World:
    world.replies[ORDERS_LIST] = page(3, 1, 2)
    world.replies[ORDERS_GET_MANY] = at_most(200)
    return world


@pytest.mark.parametrize("path", LISTS)
async def test_each_order_has_its_lines_by_one_call_for_the_page(
    http: AsyncClient, world_of_orders: World, user: dict[str, str], path: str
) -> None:
    plain = (await http.get(path, headers=user)).json()["items"]
    world_of_orders.seen.clear()
    shown = (await http.get(f"{path}?expand=lines", headers=user)).json()["items"]

    lines = [[line.model_dump(mode="json") for line in order(one).lines] for one in (3, 1, 2)]
    assert [{**one, "lines": its} for one, its in zip(plain, lines, strict=True)] == shown
    assert [ORDERS_LIST, ORDERS_GET_MANY] == [seen.endpoint for seen in world_of_orders.asked]
    assert {"order_ids": [3, 1, 2]} == world_of_orders.last.sent
    assert user["Authorization"] == world_of_orders.last.authorization


async def test_orders_that_do_not_fit_into_a_reply_are_asked_for_again(
    http: AsyncClient, world_of_orders: World, user: dict[str, str]
) -> None:
    world_of_orders.replies[ORDERS_GET_MANY] = at_most(2)
    items = (await http.get("/v1/orders?expand=lines", headers=user)).json()["items"]

    assert [3, 1, 2] == [one["lines"][0]["quantity"] for one in items]
    asked = [seen.sent["order_ids"] for seen in world_of_orders.asked if seen.endpoint is ORDERS_GET_MANY]
    assert [[3, 1, 2], [2]] == asked


async def test_a_worker_that_leaves_out_everything_is_asked_once(
    http: AsyncClient, world_of_orders: World, user: dict[str, str]
) -> None:
    world_of_orders.replies[ORDERS_GET_MANY] = at_most(0)
    problem(await http.get("/v1/orders?expand=lines", headers=user), 502, "bad_reply")
    assert [ORDERS_LIST, ORDERS_GET_MANY] == [seen.endpoint for seen in world_of_orders.asked]


@pytest.mark.parametrize("left_out", [(4,), (1, 4), (3, 1, 2)])
async def test_a_worker_that_leaves_out_what_nobody_asked_for_is_asked_once(
    http: AsyncClient, world_of_orders: World, user: dict[str, str], left_out: tuple[int, ...]
) -> None:
    world_of_orders.replies[ORDERS_GET_MANY] = OrdersFound(items=(order(3),), missing=(), left_out=left_out)
    problem(await http.get("/v1/orders?expand=lines", headers=user), 502, "bad_reply")
    assert [ORDERS_LIST, ORDERS_GET_MANY] == [seen.endpoint for seen in world_of_orders.asked]


async def test_customers_and_fields_go_with_lines(
    http: AsyncClient, world_of_orders: World, user: dict[str, str]
) -> None:
    alfkis = OrderSummary.model_validate({**dict(order(1)), "customer_id": "ALFKI"})
    world_of_orders.replies[ORDERS_LIST] = OrderPage(items=(alfkis,), next_cursor=None)
    response = await http.get("/v1/orders?expand=customer,lines&fields=order_id,lines,customer", headers=user)

    [item] = response.json()["items"]
    assert ["order_id", "customer", "lines"] == sorted(item, key=["order_id", "customer", "lines"].index)
    assert ("ALFKI", 1) == (item["customer"]["customer_id"], item["lines"][0]["quantity"])
    called = [seen.endpoint for seen in world_of_orders.asked]
    assert (1, 1) == (called.count(ORDERS_GET_MANY), called.count(CUSTOMERS_GET_MANY))


async def test_an_order_that_is_missing_has_no_lines(
    http: AsyncClient, world_of_orders: World, user: dict[str, str]
) -> None:
    world_of_orders.replies[ORDERS_GET_MANY] = OrdersFound(items=(order(1), order(3)), missing=(2,))
    items = (await http.get("/v1/orders?expand=lines", headers=user)).json()["items"]
    assert [3, 1, None] == [one["lines"] and one["lines"][0]["quantity"] for one in items]


async def test_an_empty_page_asks_nothing_more(http: AsyncClient, world_of_orders: World, user: dict[str, str]) -> None:
    world_of_orders.replies[ORDERS_LIST] = page()
    assert [] == (await http.get("/v1/orders?expand=lines", headers=user)).json()["items"]
    assert [ORDERS_LIST] == [seen.endpoint for seen in world_of_orders.asked]


async def test_lines_that_cannot_be_read_fail_the_request(
    http: AsyncClient, world_of_orders: World, user: dict[str, str]
) -> None:
    world_of_orders.fails[ORDERS_GET_MANY] = Unavailable("database_unavailable", "no database")
    response = await http.get("/v1/orders?expand=lines", headers=user)
    problem(response, 503, "database_unavailable")
    assert "1" == response.headers["retry-after"]


async def test_who_may_not_read_the_list_causes_no_call(http: AsyncClient, world_of_orders: World) -> None:
    problem(await http.get("/v1/orders?expand=lines"), 401, "token_required")
    assert [] == world_of_orders.asked


async def test_a_line_of_ndjson_has_the_lines_and_csv_cannot(
    http: AsyncClient, world_of_orders: World, user: dict[str, str]
) -> None:
    kinds = [{**user, "Accept": kind} for kind in ("application/x-ndjson", "text/csv")]
    lines, table = [await http.get("/v1/orders?expand=lines", headers=headers) for headers in kinds]
    assert [3, 1, 2] == [json.loads(line)["lines"][0]["quantity"] for line in lines.text.splitlines()]
    problem(table, 422, "invalid_request")


async def test_one_order_has_its_lines_anyway(http: AsyncClient, user: dict[str, str]) -> None:
    assert REPLIES[ORDERS_GET].model_dump(mode="json")["lines"]
    problem(await http.get("/v1/orders/1?expand=lines", headers=user), 422, "invalid_request")
