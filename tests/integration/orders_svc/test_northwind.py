"""Northwind's 830 orders come out as they went in."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel

from contracts.orders import (
    GetOrder,
    GetOrderHistory,
    ListOrders,
    Order,
    OrderSort,
    OrderSummary,
)
from providers.postgres.seed import read_csv
from subjects import ORDERS_GET, ORDERS_HISTORY, ORDERS_LIST
from tests.support.northwind.northwind import digests, digests_of, every
from tests.support.shop import ADMIN, USER, Shop


class OrderRow(BaseModel):
    """Northwind's columns, in the order of the digests."""

    order_id: int
    customer_id: str
    employee_id: int
    order_date: date
    required_date: date
    shipped_date: date | None
    ship_via: int
    freight: Decimal
    ship_name: str
    ship_address: str
    ship_city: str
    ship_region: str | None
    ship_postal_code: str | None
    ship_country: str


class LineRow(BaseModel):
    """The same of the lines."""

    order_id: int
    product_id: int
    unit_price: Decimal
    quantity: int
    discount: Decimal


async def listed(shop: Shop, **filters: object) -> list[OrderSummary]:
    async def page(request: ListOrders) -> object:
        return await shop.ask(ORDERS_LIST, request, ADMIN)

    request = ListOrders.model_validate({"placed_until": date(1998, 12, 31), "limit": 200, **filters}, strict=False)
    return await every(page, request)  # type: ignore[arg-type]  # the page of this list


@pytest.fixture(scope="module")
async def orders(shop: Shop) -> list[Order]:
    ids = [summary.order_id for summary in await listed(shop, sort=OrderSort.ID)]
    return [await shop.ask(ORDERS_GET, GetOrder(order_id=order_id), ADMIN) for order_id in ids]


async def test_every_order_is_northwinds_row_by_row(orders: list[Order]) -> None:
    rows = [OrderRow.model_validate({**dict(one), "order_date": one.placed_at.date()}) for one in orders]

    assert digests("orders") == digests_of(rows)


async def test_every_line_is_northwinds_row_by_row(orders: list[Order]) -> None:
    rows = [LineRow.model_validate({**dict(line), "order_id": one.order_id}) for one in orders for line in one.lines]

    assert digests("order_details").items() <= digests_of(rows).items()


async def test_amounts_are_rounded_half_up_by_line_and_sum_up_to_the_net_revenue(orders: list[Order]) -> None:
    assert Decimal("1265793.29") == sum(line.amount for one in orders for line in one.lines)
    assert Decimal("1265793.29") == sum(one.total for one in orders)


async def test_lines_have_the_names_of_the_catalogue(orders: list[Order]) -> None:
    names = {int(row["product_id"] or 0): row["product_name"] for row in read_csv("products_svc", "products")}

    assert names == {line.product_id: line.product_name for one in orders for line in one.lines}


async def test_a_status_follows_from_the_dates(shop: Shop) -> None:
    counts = {status: len(await listed(shop, status=status)) for status in ("confirmed", "dispatched", "delivered")}

    assert {"confirmed": 21, "dispatched": 47, "delivered": 762} == counts


async def test_the_steps_of_an_old_order_are_those_whose_day_is_known(shop: Shop) -> None:
    history = await shop.ask(ORDERS_HISTORY, GetOrderHistory(order_id=10248), ADMIN)

    assert [
        ("placed", datetime(1996, 7, 4, tzinfo=UTC), None),
        ("dispatched", datetime(1996, 7, 16, tzinfo=UTC), None),
    ] == [(step.status, step.at, step.event_id) for step in history.steps]


@pytest.mark.parametrize(
    ("expected", "filters"),
    [
        (6, {"customer_id": "ALFKI"}),
        (5, {"customer_id": "ALFKI", "status": "delivered"}),
        (2, {"placed_from": date(1996, 7, 4), "placed_until": date(1996, 7, 5)}),
        (0, {"user_id": USER}),
        (0, {"placed_from": date(9999, 12, 31), "placed_until": date(9999, 12, 31)}),
    ],
)
async def test_the_list_has_what_matches(shop: Shop, expected: int, filters: dict[str, object]) -> None:
    assert expected == len(await listed(shop, **filters))


@pytest.mark.parametrize("sort", OrderSort)
async def test_every_order_of_the_list_is_kept_across_pages(shop: Shop, sort: OrderSort) -> None:
    ids = [one.order_id for one in await listed(shop, sort=sort, limit=150)]

    assert sorted(ids, reverse=sort.startswith("-")) == ids
    assert 830 == len(ids)
