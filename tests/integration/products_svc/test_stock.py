"""The stock of products: reserved all or nothing, once for each order, and never below zero."""

import asyncio
import random
from typing import Any

import pytest

from contracts.orders import NewLine
from contracts.products import GetProduct, ProductPatch, UpdateProduct
from contracts.products_stock import (
    AdjustStock,
    CommitStock,
    GetStock,
    ListMovements,
    ReceiveStock,
    ReleaseStock,
    Reservation,
    ReserveStock,
)
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Conflict, Invalid, NotFound
from mesh.service.idempotency import KEPT, IdempotentWrites
from products_svc.handlers import Handlers
from products_svc.stock_handlers import StockHandlers
from products_svc.stock_repository import Warehouse
from providers.postgres.database import Database
from providers.postgres.idempotency import Keys

CHAI, CHANG, ANISEED_SYRUP = 1, 2, 3  # 39, 17 and 13 in stock


@pytest.fixture
def stock(database: Database) -> StockHandlers:
    warehouse = Warehouse(database)
    return StockHandlers(warehouse, IdempotentWrites(warehouse, Keys(database, Warehouse, KEPT).keep))


async def reserve(stock: StockHandlers, order_id: int, *lines: tuple[int, int]) -> Reservation:
    wanted = tuple(NewLine(product_id=product, quantity=units) for product, units in lines)
    return await stock.reserve(ReserveStock(order_id=order_id, lines=wanted))


async def units(stock: StockHandlers, product_id: int = CHAI) -> tuple[int, int, int]:
    found = await stock.get(GetStock(product_id=product_id))
    return found.units_in_stock, found.units_reserved, found.units_available


async def movements(stock: StockHandlers, product_id: int = CHAI) -> list[tuple[Any, ...]]:
    page = await stock.list_movements(ListMovements(product_id=product_id))
    return [(one.kind, one.in_stock, one.reserved, one.order_id, one.user_id, one.reason) for one in page.items]


def asking() -> Any:  # noqa: ANN401  # a context manager
    caller = Caller("u1", "s1", frozenset({"ADMIN"}))
    return working_on(Context("r1", asyncio.get_running_loop().time() + 5, caller=caller))


async def test_a_reservation_is_made_committed_and_kept(stock: StockHandlers) -> None:
    assert "reserved" == (await reserve(stock, 1, (CHANG, 5), (CHAI, 30))).state
    assert (39, 30, 9) == await units(stock)

    committed = await stock.commit(CommitStock(order_id=1))

    assert "committed" == committed.state
    assert [(9, 0, 9), (12, 0, 12)] == [await units(stock, CHAI), await units(stock, CHANG)]
    assert [("committed", -30, -30, 1, None, None), ("reserved", 0, 30, 1, None, None)] == await movements(stock)


async def test_a_released_reservation_is_there_for_others(stock: StockHandlers) -> None:
    await reserve(stock, 1, (CHAI, 39))
    assert "refused" == (await reserve(stock, 2, (CHAI, 1))).state

    assert "released" == (await stock.release(ReleaseStock(order_id=1))).state

    assert "reserved" == (await reserve(stock, 3, (CHAI, 39))).state


async def test_one_line_that_is_short_reserves_nothing(stock: StockHandlers) -> None:
    refused = await reserve(stock, 1, (CHAI, 39), (CHANG, 18), (2**31 - 1, 1))

    assert "refused" == refused.state
    assert [(CHANG, 18, 17), (2**31 - 1, 1, 0)] == [
        (short.product_id, short.wanted, short.in_stock) for short in refused.short
    ]
    assert (39, 0, 39) == await units(stock)
    assert [] == await movements(stock)


async def test_a_product_on_two_lines_is_counted_together(stock: StockHandlers) -> None:
    assert "refused" == (await reserve(stock, 1, (CHAI, 20), (CHAI, 20))).state
    assert "reserved" == (await reserve(stock, 2, (CHAI, 20), (CHAI, 19))).state
    assert (39, 39, 0) == await units(stock)


@pytest.mark.parametrize("at_once", [False, True])
async def test_each_step_repeated_counts_once(stock: StockHandlers, at_once: bool) -> None:  # noqa: FBT001
    async def thrice(step: Any, request: Any) -> set[str]:  # noqa: ANN401  # any handler
        if at_once:
            return {reply.state for reply in await asyncio.gather(*(step(request) for _ in range(3)))}
        return {(await step(request)).state for _ in range(3)}

    order = ReserveStock(order_id=1, lines=(NewLine(product_id=CHAI, quantity=5),))

    assert {"reserved"} == await thrice(stock.reserve, order)
    assert (39, 5, 34) == await units(stock)
    assert {"committed"} == await thrice(stock.commit, CommitStock(order_id=1))
    assert {"committed"} == await thrice(stock.release, ReleaseStock(order_id=1))
    assert {"committed"} == await thrice(stock.reserve, order)
    assert (34, 0, 34) == await units(stock)
    assert 2 == len(await movements(stock))


async def test_a_refusal_stands_though_goods_come(stock: StockHandlers) -> None:
    first = await reserve(stock, 1, (CHAI, 40))
    with asking():
        await stock.receive(ReceiveStock(product_id=CHAI, quantity=10, reason="came"))

    assert first == await reserve(stock, 1, (CHAI, 40))
    assert "refused" == (await stock.release(ReleaseStock(order_id=1))).state
    assert "refused" == (await stock.commit(CommitStock(order_id=1))).state
    assert (49, 0, 49) == await units(stock)


async def test_an_order_cancelled_before_it_is_reserved_is_reserved_no_more(stock: StockHandlers) -> None:
    await stock.release(ReleaseStock(order_id=1))

    assert "released" == (await reserve(stock, 1, (CHAI, 1))).state
    assert "released" == (await stock.commit(CommitStock(order_id=1))).state
    assert (39, 0, 39) == await units(stock)


async def test_nothing_reserved_is_nothing_to_commit(stock: StockHandlers) -> None:
    with pytest.raises(NotFound) as refused:
        await stock.commit(CommitStock(order_id=1))

    assert "nothing_reserved" == refused.value.reason


async def test_many_orders_at_once_never_take_more_than_there_is(stock: StockHandlers) -> None:
    products = [CHAI, CHANG, ANISEED_SYRUP]
    orders = {
        number: [(product, random.randint(1, 6)) for product in random.sample(products, len(products))]
        for number in range(1, 41)
    }

    replies = await asyncio.gather(*(reserve(stock, number, *lines) for number, lines in orders.items()))

    reserved = [orders[reply.order_id] for reply in replies if reply.state == "reserved"]
    for product in products:
        in_stock, taken, available = await units(stock, product)
        assert sum(dict(lines)[product] for lines in reserved) == taken
        assert in_stock - taken == available >= 0
    # Nobody was refused who would have fitted: of something, there are fewer units left than any refused order wants.
    left = {product: (await units(stock, product))[2] for product in products}
    for reply in replies:
        if reply.state == "refused":
            assert any(dict(orders[reply.order_id])[product] > left[product] for product in products)


async def test_orders_that_end_at_once_leave_what_adds_up(stock: StockHandlers) -> None:
    numbers = range(1, 21)
    await asyncio.gather(*(reserve(stock, number, (CHANG, 1), (CHAI, 1)) for number in numbers[:13]))

    ends = [stock.commit(CommitStock(order_id=number)) for number in numbers[:13]]
    ends += [stock.release(ReleaseStock(order_id=number)) for number in numbers]
    states = [reply.state for reply in await asyncio.gather(*ends)]

    committed = [*map(str, states[:13])].count("committed")
    assert (39 - committed, 0, 39 - committed) == await units(stock)
    assert (17 - committed, 0, 17 - committed) == await units(stock, CHANG)
    assert -committed == sum(in_stock for _, in_stock, *_ in await movements(stock))


async def test_goods_are_received_and_counts_corrected_with_who_and_why(stock: StockHandlers) -> None:
    with asking():
        await stock.receive(ReceiveStock(product_id=CHAI, quantity=24, reason="delivery note 4711"))
        adjusted = await stock.adjust(AdjustStock(product_id=CHAI, change=-3, reason="broken"))

    assert 60 == adjusted.units_in_stock
    assert [
        ("adjusted", -3, 0, None, "u1", "broken"),
        ("received", 24, 0, None, "u1", "delivery note 4711"),
    ] == await movements(stock)


async def test_what_is_reserved_cannot_be_adjusted_or_edited_away(stock: StockHandlers, handlers: Handlers) -> None:
    await reserve(stock, 1, (CHAI, 30))

    with asking(), pytest.raises(Conflict) as adjusted:
        await stock.adjust(AdjustStock(product_id=CHAI, change=-10, reason="lost"))
    with asking(), pytest.raises(Conflict) as edited:
        await handlers.update(UpdateProduct(product_id=CHAI, expected_version=1, patch=ProductPatch(units_in_stock=29)))

    assert {"stock_out_of_range"} == {adjusted.value.reason, edited.value.reason}
    assert (39, 30, 9) == await units(stock)


async def test_more_units_than_can_be_counted_are_refused(stock: StockHandlers, handlers: Handlers) -> None:
    await handlers.update(
        UpdateProduct(product_id=CHAI, expected_version=1, patch=ProductPatch(units_in_stock=2**31 - 1))
    )

    with asking(), pytest.raises(Conflict) as refused:
        await stock.receive(ReceiveStock(product_id=CHAI, quantity=1, reason="came"))

    assert "stock_out_of_range" == refused.value.reason


async def test_an_edit_of_the_product_is_a_movement(stock: StockHandlers, handlers: Handlers) -> None:
    with asking():
        await handlers.update(UpdateProduct(product_id=CHAI, expected_version=1, patch=ProductPatch(units_in_stock=50)))

    assert [("edited", 11, 0, None, "u1", None)] == await movements(stock)


async def test_a_products_version_grows_with_what_it_shows(stock: StockHandlers, handlers: Handlers) -> None:
    async def version() -> int:
        return (await handlers.get(GetProduct(product_id=CHAI))).version

    await reserve(stock, 1, (CHAI, 1))
    assert 1 == await version()
    await stock.commit(CommitStock(order_id=1))
    assert 2 == await version()


async def test_an_unknown_product_has_no_stock(stock: StockHandlers) -> None:
    with pytest.raises(NotFound):
        await stock.get(GetStock(product_id=1000))
    with pytest.raises(NotFound):
        await stock.list_movements(ListMovements(product_id=1000))
    with asking(), pytest.raises(NotFound):
        await stock.receive(ReceiveStock(product_id=1000, quantity=1, reason="came"))


async def test_movements_come_page_by_page_the_newest_first(stock: StockHandlers) -> None:
    with asking():
        for number in range(5):
            await stock.receive(ReceiveStock(product_id=CHAI, quantity=1, reason=str(number)))

    first = await stock.list_movements(ListMovements(product_id=CHAI, limit=3))
    second = await stock.list_movements(ListMovements(product_id=CHAI, limit=3, cursor=first.next_cursor))

    assert ["4", "3", "2", "1", "0"] == [one.reason for one in (*first.items, *second.items)]
    with pytest.raises(Invalid) as refused:
        await stock.list_movements(ListMovements(product_id=CHANG, cursor=first.next_cursor))
    assert "invalid_cursor" == refused.value.reason
