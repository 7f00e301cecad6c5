from contracts.orders import CancelOrder, GetOrder
from contracts.products_stock import GetStock
from subjects import ORDERS_CANCEL, ORDERS_GET, PRODUCTS_STOCK_GET
from tests.support.shop import ADMIN, Shop


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
