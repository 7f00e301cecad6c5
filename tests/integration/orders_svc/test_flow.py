"""An order on its way: stock answers by events, over a real NATS server with JetStream."""

import asyncio
import json
import random
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.orders import CancelOrder, GetOrder, GetOrderHistory, ListOrders, Order
from contracts.products import ProductPatch, UpdateProduct
from contracts.products_stock import GetStock, ListMovements
from mesh.core.errors import Conflict, RemoteFault
from subjects import (
    ORDERS_CANCEL,
    ORDERS_GET,
    ORDERS_HISTORY,
    ORDERS_LIST,
    PRODUCTS_STOCK_GET,
    PRODUCTS_STOCK_MOVEMENTS,
    PRODUCTS_UPDATE,
)
from tests.support.shop import ADMIN, Shop

FINAL = {"confirmed", "refused", "cancelled"}


async def stock(shop: Shop, product_id: int) -> tuple[int, int]:
    found = await shop.ask(PRODUCTS_STOCK_GET, GetStock(product_id=product_id))
    return found.units_in_stock, found.units_reserved


async def cancel(shop: Shop, order: Order) -> Order:
    return await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=order.order_id), ADMIN)


async def steps(shop: Shop, order: Order) -> dict[str, str | None]:
    history = await shop.ask(ORDERS_HISTORY, GetOrderHistory(order_id=order.order_id), ADMIN)
    return {step.status: step.event_id for step in history.steps}


async def test_an_order_whose_goods_are_there_is_confirmed(shop: Shop) -> None:
    before = await stock(shop, 2)
    placed = await shop.place((2, 3))

    confirmed = await shop.reached(placed, "confirmed")

    assert 2 == confirmed.version
    assert (before[0], before[1] + 3) == await stock(shop, 2)
    await shop.settled()
    told = {headers["ce-type"]: headers["ce-id"] for headers, _ in await shop.events(placed)}
    assert {"orders.placed", "stock.reserved", "orders.confirmed"} == set(told)
    assert {"placed": told["orders.placed"], "confirmed": told["orders.confirmed"]} == await steps(shop, placed)


async def test_an_event_tells_what_its_handlers_need(shop: Shop) -> None:
    placed = await shop.place((3, 2), user_id=ADMIN, customer_id="ALFKI")
    await finished(shop)

    told = {headers["ce-type"]: json.loads(body) for headers, body in await shop.events(placed)}

    line = {"product_id": 3, "product_name": "Aniseed Syrup", "unit_price": "10.00", "quantity": 2}
    lines = [{**line, "discount": "0.00", "amount": "20.00"}]
    whose = {"order_id": placed.order_id, "user_id": ADMIN, "customer_id": "ALFKI", "lines": lines}
    at = placed.placed_at.isoformat().replace("+00:00", "Z")
    assert {**whose, "total": "20.00", "placed_at": at, "cart_version": None} == told["orders.placed"]
    assert told["orders.confirmed"].pop("confirmed_at") > at
    address = {"address": "Obere Str. 57", "city": "Berlin", "region": None, "postal_code": "12209"}
    ship = {"name": "Alfreds Futterkiste", **address, "country": "Germany"}
    assert {**whose, **{f"ship_{name}": value for name, value in ship.items()}} == told["orders.confirmed"]


async def test_an_order_whose_goods_are_short_is_refused_and_says_which(shop: Shop) -> None:
    placed = await shop.place((1, 1), (4, 999), (31, 1))

    refused = await shop.reached(placed, "refused")

    assert [(4, 999, 53), (31, 1, 0)] == [(one.product_id, one.wanted, one.in_stock) for one in refused.short]
    assert 0 == (await stock(shop, 4))[1]
    assert {"placed", "refused"} == set(await steps(shop, placed))
    with pytest.raises(RemoteFault) as late:
        await cancel(shop, placed)
    assert "order_not_cancellable" == late.value.reason


async def test_a_confirmed_order_that_is_cancelled_gives_its_goods_back(shop: Shop) -> None:
    before = await stock(shop, 6)
    placed = await shop.place((6, 5))
    await shop.reached(placed, "confirmed")

    assert "cancelled" == (await cancel(shop, placed)).status
    await shop.settled()

    assert before == await stock(shop, 6)
    assert {"placed", "confirmed", "cancelled"} == set(await steps(shop, placed))


async def test_an_order_is_dispatched_and_delivered_and_its_goods_leave_the_stock(shop: Shop) -> None:
    before = await stock(shop, 14)
    placed = await shop.place((14, 5))
    await shop.reached(placed, "confirmed")

    for _ in range(2):  # an event may come again under another id
        async with shop.orders() as orders:
            await orders.dispatch(placed.order_id, "NW-1", datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    for _ in range(2):
        async with shop.orders() as orders:
            await orders.deliver(placed.order_id)
    await finished(shop)

    found = await shop.ask(ORDERS_GET, GetOrder(order_id=placed.order_id), ADMIN)
    assert ("delivered", "NW-1", date(2026, 7, 1), 4) == (
        found.status,
        found.tracking_number,
        found.shipped_date,
        found.version,
    )
    assert (before[0] - 5, before[1]) == await stock(shop, 14)
    assert ["placed", "confirmed", "dispatched", "delivered"] == [*await steps(shop, placed)]
    with pytest.raises(RemoteFault) as late:
        await cancel(shop, placed)
    assert "order_not_cancellable" == late.value.reason


async def test_a_step_that_comes_too_early_is_to_be_tried_again(shop: Shop) -> None:
    placed = await shop.place((15, 1))
    await shop.reached(placed, "confirmed")

    with pytest.raises(Conflict) as early:
        async with shop.orders() as orders:
            await orders.deliver(placed.order_id)

    assert "order_not_ready" == early.value.reason
    assert "confirmed" == (await shop.ask(ORDERS_GET, GetOrder(order_id=placed.order_id), ADMIN)).status


async def test_a_delivery_at_the_moment_of_the_dispatch_waits_for_it(shop: Shop) -> None:
    placed = await shop.place((14, 1))
    await shop.reached(placed, "confirmed")

    async def deliver() -> None:
        async with shop.orders() as orders:
            await orders.deliver(placed.order_id)

    async with shop.orders() as orders:
        await orders.dispatch(placed.order_id, "NW-1", datetime.now(UTC))
        delivering = asyncio.create_task(deliver())
        while not delivering.done() and not await shop.is_blocked():
            await asyncio.sleep(0.01)
    await delivering
    await finished(shop)

    assert {"placed", "confirmed", "dispatched", "delivered"} == {*await steps(shop, placed)}


async def test_a_cancelled_order_goes_nowhere(shop: Shop) -> None:
    placed = await shop.place((15, 1))
    await cancel(shop, placed)
    await finished(shop)

    async with shop.orders() as orders:
        await orders.confirm(placed.order_id)
        await orders.refuse(placed.order_id, ())
        await orders.dispatch(placed.order_id, "NW-1", datetime.now(UTC))
        await orders.deliver(placed.order_id)

    found = await shop.ask(ORDERS_GET, GetOrder(order_id=placed.order_id), ADMIN)
    assert ("cancelled", None) == (found.status, found.tracking_number)


async def test_many_orders_and_cancellations_at_once_add_up(shop: Shop) -> None:
    products = (8, 10, 13)
    for product in products:
        await give(shop, product, 40)

    async def order(number: int) -> Order:
        placed = await shop.place(*((product, 1 + number % 4) for product in random.sample(products, 2)))
        if number % 5 == 0:
            await cancel(shop, placed)
        return placed

    placed = await asyncio.gather(*(order(number) for number in range(60)))
    await finished(shop)

    found = [await shop.ask(ORDERS_GET, GetOrder(order_id=one.order_id), ADMIN) for one in placed]
    assert FINAL == {one.status for one in found}
    for product in products:
        wanted = sum(
            line.quantity
            for one in found
            if one.status == "confirmed"
            for line in one.lines
            if line.product_id == product
        )
        assert (40, wanted) == await stock(shop, product)


async def test_events_that_come_again_and_in_another_order_change_nothing(shop: Shop) -> None:
    await give(shop, 11, 500)
    placed = [await shop.place((11, 1 + number)) for number in range(5)]
    for one in placed[:2]:
        await cancel(shop, one)
    await finished(shop)
    before = await everything(shop, placed)

    await shop.deliver_again(2)
    await finished(shop)

    assert before == await everything(shop, placed)


async def give(shop: Shop, product_id: int, units: int) -> None:
    """Have so many units of the product in stock."""
    patch = ProductPatch(units_in_stock=units)
    await shop.ask(PRODUCTS_UPDATE, UpdateProduct(product_id=product_id, expected_version=1, patch=patch), ADMIN)


async def finished(shop: Shop) -> None:
    """Wait until no order is underway, and every event of it is handled."""
    while (await shop.ask(ORDERS_LIST, ListOrders.model_validate({"status": "placed"}, strict=False), ADMIN)).items:
        await asyncio.sleep(0.01)
    await shop.settled()


async def everything(shop: Shop, orders: list[Order]) -> Any:  # noqa: ANN401  # to be compared with itself
    return (
        [await shop.ask(ORDERS_GET, GetOrder(order_id=one.order_id), ADMIN) for one in orders],
        [await steps(shop, one) for one in orders],
        await stock(shop, 11),
        await shop.ask(PRODUCTS_STOCK_MOVEMENTS, ListMovements(product_id=11), ADMIN),
    )
