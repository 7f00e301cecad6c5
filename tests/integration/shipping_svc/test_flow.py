"""Orders and their shipments, by events over a real NATS server with JetStream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.orders import CancelOrder, GetOrder, GetOrderHistory, Order, StartDispatch
from contracts.products_stock import GetStock, ListMovements
from contracts.shipping import DeliverShipment, DispatchShipment, GetShipment, ListShipments, Shipment
from devstack.servers.all import Servers
from mesh.core.errors import Code, RemoteFault
from subjects import (
    ORDERS_CANCEL,
    ORDERS_GET,
    ORDERS_HISTORY,
    ORDERS_START_DISPATCH,
    PRODUCTS_STOCK_GET,
    PRODUCTS_STOCK_MOVEMENTS,
    SHIPPING_DELIVER,
    SHIPPING_DISPATCH,
    SHIPPING_GET,
    SHIPPING_LIST,
)
from tests.support.shop import ADMIN, OTHER, USER, Shop, open_shop


@pytest.fixture(scope="module")
async def moving_shop(databases: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop whose shipments move on by themselves."""
    folder = tmp_path_factory.mktemp("shop")
    async with open_shop(databases.urls, folder, reserves=True, moves_after=0.0) as shop:
        yield shop


async def stock(shop: Shop, product_id: int) -> tuple[int, int]:
    found = await shop.ask(PRODUCTS_STOCK_GET, GetStock(product_id=product_id))
    return found.units_in_stock, found.units_reserved


async def cancel(shop: Shop, order: Order) -> Order:
    return await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=order.order_id))


async def dispatch(shop: Shop, shipment: Shipment, key: str | None = None) -> Shipment:
    return await shop.ask(SHIPPING_DISPATCH, DispatchShipment(shipment_id=shipment.shipment_id), ADMIN, key)


async def deliver(shop: Shop, shipment: Shipment) -> Shipment:
    return await shop.ask(SHIPPING_DELIVER, DeliverShipment(shipment_id=shipment.shipment_id), ADMIN)


async def test_a_shipment_takes_its_order_along_to_the_delivery(shop: Shop) -> None:
    before = await stock(shop, 2)
    placed = await shop.place((2, 3))
    shipment = await shop.shipment(placed)

    dispatched = await dispatch(shop, shipment, "a key")
    assert dispatched == await dispatch(shop, shipment, "a key") == await dispatch(shop, shipment)
    order = await shop.reached(placed, "dispatched")
    assert (shipment.tracking_number, dispatched.dispatched_at) == (order.tracking_number, dispatched.dispatched_at)
    await deliver(shop, shipment)
    await shop.reached(placed, "delivered")
    await shop.settled()

    assert (before[0] - 3, before[1]) == await stock(shop, 2)
    history = await shop.ask(ORDERS_HISTORY, GetOrderHistory(order_id=placed.order_id))
    assert ["placed", "confirmed", "dispatched", "delivered"] == [step.status for step in history.steps]


async def test_a_key_of_another_dispatch_leaves_the_order_to_its_user(shop: Shop) -> None:
    first, second = [await shop.place((2, 1)) for _ in range(2)]
    await dispatch(shop, await shop.shipment(first), "of the first")

    with pytest.raises(RemoteFault) as reused:
        await dispatch(shop, await shop.shipment(second), "of the first")

    assert "idempotency_key_reused" == reused.value.reason
    assert "cancelled" == (await cancel(shop, second)).status


async def test_users_see_the_shipments_of_their_own_orders(shop: Shop) -> None:
    placed = await shop.place((2, 1))
    shipment = await shop.shipment(placed)
    wanted, mine = GetShipment(shipment_id=shipment.shipment_id), ListShipments(order_id=placed.order_id)

    assert shipment == await shop.ask(SHIPPING_GET, wanted, USER) == await shop.ask(SHIPPING_GET, wanted, ADMIN)
    assert [1, 1, 0] == [len((await shop.ask(SHIPPING_LIST, mine, who)).items) for who in (USER, ADMIN, OTHER)]
    with pytest.raises(RemoteFault) as hidden:
        await shop.ask(SHIPPING_GET, wanted, OTHER)
    assert (Code.NOT_FOUND, "shipment_not_found") == (hidden.value.code, hidden.value.reason)


@pytest.mark.parametrize("endpoint", [SHIPPING_DISPATCH, SHIPPING_DELIVER], ids=lambda endpoint: endpoint.subject)
async def test_only_administrators_move_shipments(shop: Shop, endpoint: Any) -> None:  # noqa: ANN401  # of two types
    shipment = await shop.shipment(await shop.place((2, 1)))

    with pytest.raises(RemoteFault) as refused:
        await shop.ask(endpoint, endpoint.request(shipment_id=shipment.shipment_id), USER)

    assert (Code.PERMISSION_DENIED, "role_required") == (refused.value.code, refused.value.reason)


async def test_a_cancelled_order_stops_its_shipment(shop: Shop) -> None:
    placed = await shop.place((2, 1))
    shipment = await shop.shipment(placed)
    await cancel(shop, placed)
    await shop.shipment(placed, "stopped")

    for step in (dispatch, deliver):
        with pytest.raises(RemoteFault) as refused:
            await step(shop, shipment)
        assert (Code.CONFLICT, "shipment_stopped") == (refused.value.code, refused.value.reason)


async def test_an_order_that_may_leave_cannot_be_cancelled(shop: Shop) -> None:
    placed = await shop.place((2, 1))
    await shop.reached(placed, "confirmed")
    started = await shop.ask(ORDERS_START_DISPATCH, StartDispatch(order_id=placed.order_id))

    with pytest.raises(RemoteFault) as refused:
        await cancel(shop, placed)

    assert (Code.CONFLICT, "order_not_cancellable") == (refused.value.code, refused.value.reason)
    assert started == await shop.ask(ORDERS_START_DISPATCH, StartDispatch(order_id=placed.order_id))
    await dispatch(shop, await shop.shipment(placed))  # as after a shipping that died in between
    await shop.reached(placed, "dispatched")


async def test_a_wrong_version_leaves_the_order_free_to_be_cancelled(shop: Shop) -> None:
    placed = await shop.place((2, 1))
    shipment = await shop.shipment(placed)
    with pytest.raises(RemoteFault) as refused:
        await shop.ask(SHIPPING_DISPATCH, DispatchShipment(shipment_id=shipment.shipment_id, expected_version=9), ADMIN)

    assert "version_mismatch" == refused.value.reason
    assert "cancelled" == (await cancel(shop, placed)).status


async def test_of_a_dispatch_and_a_cancellation_at_once_one_holds_for_order_goods_and_shipment(shop: Shop) -> None:
    before = await stock(shop, 6)
    placed = [await shop.place((6, 1)) for _ in range(30)]
    shipments = [await shop.shipment(one) for one in placed]

    async def cancel_later(number: int) -> Order:
        await asyncio.sleep(number / 60)  # so that either may be first
        return await cancel(shop, placed[number])

    cancels = [cancel_later(number) for number in range(30)]
    dispatches = [dispatch(shop, one) for one in shipments]
    outcomes = await asyncio.gather(*cancels, *dispatches, return_exceptions=True)
    await shop.settled()

    pairs = [await states(shop, one) for one in placed]
    assert {("cancelled", "stopped"), ("dispatched", "dispatched")} >= set(pairs)
    assert 30 == sum(isinstance(one, RemoteFault) and one.code is Code.CONFLICT for one in outcomes)
    left = pairs.count(("dispatched", "dispatched"))
    assert (before[0] - left, before[1]) == await stock(shop, 6)


async def states(shop: Shop, order: Order) -> tuple[str, str]:
    """The statuses of the order and of its one shipment."""
    found = await shop.ask(ORDERS_GET, GetOrder(order_id=order.order_id))
    [shipment] = (await shop.ask(SHIPPING_LIST, ListShipments(order_id=order.order_id))).items
    return found.status, shipment.status


async def test_events_that_come_again_and_in_another_order_change_nothing(shop: Shop) -> None:
    placed = [await shop.place((14, 1)) for _ in range(4)]
    shipments = [await shop.shipment(one) for one in placed]
    await cancel(shop, placed[0])
    for shipment in shipments[1:3]:
        await dispatch(shop, shipment)
    await deliver(shop, shipments[1])
    await shop.settled()
    before = await everything(shop, placed)

    await shop.deliver_again(3)

    assert before == await everything(shop, placed)


async def everything(shop: Shop, orders: list[Order]) -> Any:  # noqa: ANN401  # to be compared with itself
    return (
        [await shop.ask(ORDERS_GET, GetOrder(order_id=one.order_id), ADMIN) for one in orders],
        [await shop.ask(SHIPPING_LIST, ListShipments(order_id=one.order_id), ADMIN) for one in orders],
        await stock(shop, 14),
        await shop.ask(PRODUCTS_STOCK_MOVEMENTS, ListMovements(product_id=14), ADMIN),
    )


async def test_while_orders_is_away_nothing_leaves(shop: Shop) -> None:
    placed = await shop.place((2, 1))
    shipment = await shop.shipment(placed)
    await shop.settled()
    await shop.workers["orders"].drain()

    with pytest.raises(RemoteFault) as away:
        await dispatch(shop, shipment)
    assert (Code.OVERLOADED, "dependency_unavailable") == (away.value.code, away.value.reason)
    assert shipment == await shop.shipment(placed)

    await shop.workers["orders"].start()
    await dispatch(shop, shipment)
    await shop.reached(placed, "dispatched")


async def test_shipments_move_on_by_themselves(moving_shop: Shop) -> None:
    placed = [await moving_shop.place((6, 1)) for _ in range(5)]

    for one in placed:
        await moving_shop.reached(one, "delivered")
    await moving_shop.settled()

    assert 0 == (await stock(moving_shop, 6))[1]
