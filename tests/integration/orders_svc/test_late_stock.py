from itertools import product

import pytest

from contracts.orders import CancelOrder, GetOrder
from contracts.orders_events import OrderCancelled, OrderPlaced
from contracts.products_stock import GetStock
from mesh.client.client import Client
from stock_svc.events import StockEvents
from subjects import ORDERS_CANCEL, ORDERS_GET, PRODUCTS_STOCK_GET
from tests.support.shop import ADMIN, Shop
from worker.events import Publisher


async def test_what_happens_while_stock_is_away_is_caught_up(still_shop: Shop) -> None:
    before = await still_shop.ask(PRODUCTS_STOCK_GET, GetStock(product_id=7))
    kept, given_up = await still_shop.place((6, 5)), await still_shop.place((7, 5))
    await still_shop.ask(ORDERS_CANCEL, CancelOrder(order_id=given_up.order_id))

    await still_shop.workers["stock"].start()
    await still_shop.reached(kept, "confirmed")
    await still_shop.settled()
    await still_shop.workers["stock"].drain()

    assert "cancelled" == (await still_shop.ask(ORDERS_GET, GetOrder(order_id=given_up.order_id), ADMIN)).status
    assert before == await still_shop.ask(PRODUCTS_STOCK_GET, GetStock(product_id=7))


@pytest.mark.parametrize("sequence", [one for one in product(("placed", "cancelled"), repeat=4) if len({*one}) == 2])
async def test_of_a_cancelled_order_nothing_stays_reserved_whatever_comes_first_and_how_often(
    still_shop: Shop, sequence: tuple[str, ...]
) -> None:
    before = await still_shop.ask(PRODUCTS_STOCK_GET, GetStock(product_id=10))
    order = await still_shop.place((10, 5))
    stock = StockEvents(Client(still_shop.transport), Publisher(still_shop.transport))

    for event in sequence:
        if event == "placed":
            await stock.placed(OrderPlaced.model_validate(dict(order)))
        else:
            await stock.cancelled(OrderCancelled.model_validate(dict(order)))

    assert before == await still_shop.ask(PRODUCTS_STOCK_GET, GetStock(product_id=10))
