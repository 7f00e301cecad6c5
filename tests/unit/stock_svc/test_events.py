"""What stock does with an order that products refuses: no retry makes it valid, so none is made."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from contracts.orders_events import OrderPlaced
from contracts.products_stock import Reservation, ReserveStock
from mesh.core.errors import Invalid
from mesh.events.cloud_event import compose
from mesh.events.jetstream import DEAD, publish
from mesh.service.service import Service
from mesh.transport.memory import MemoryTransport
from stock_svc.app import build
from stock_svc.settings import StockSettings
from subjects import EVENTS_ORDERS_PLACED, PRODUCTS_STOCK_RESERVE
from tests.support.events.memory_streams import StreamBroker
from tests.support.mesh.sample_service import verify
from tests.support.waiting import until


class Products:
    """Refuses every reservation as invalid, as another version of products may."""

    def __init__(self) -> None:
        self.asked = 0

    async def reserve(self, request: ReserveStock) -> Reservation:
        self.asked += 1
        raise Invalid("invalid_payload", f"order {request.order_id} does not fit")


@pytest.fixture
def products() -> Products:
    return Products()


@pytest.fixture
async def broker(products: Products) -> AsyncIterator[StreamBroker]:
    """A mesh in memory with stock, and products that refuses."""
    broker = StreamBroker()
    broker.add_consumer("stock")
    async with AsyncExitStack() as resources:
        refusing = Service(
            "products", MemoryTransport(broker, "products"), version="1.0.0", description="Refuses", verify=verify
        )
        refusing.add(PRODUCTS_STOCK_RESERVE, products.reserve)
        stock = await build(StockSettings(), MemoryTransport(broker, "stock"), resources)
        for service in (refusing, stock):
            await service.start()
            resources.push_async_callback(service.drain)
        yield broker


def placed(quantity: int) -> OrderPlaced:
    line: dict[str, Any] = {"product_id": 1, "product_name": "Chai", "quantity": quantity}
    money = {"unit_price": "18.00", "discount": "0.00", "amount": "18.00"}
    order = {"order_id": 11078, "user_id": "u1", "customer_id": None, "placed_at": "2026-11-30T12:00:00Z"}
    return OrderPlaced.model_validate({**order, "lines": [line | money], "total": "18.00"})


@pytest.mark.parametrize(
    ("quantity", "detail", "asked"),
    [
        (40_000, "the payload does not fit: lines.0.quantity", 0),
        (1, "order 11078 does not fit", 1),
    ],
)
async def test_an_order_that_products_refuses_as_invalid_is_dead_at_once_and_holds_nobody_up(
    broker: StreamBroker, products: Products, quantity: int, detail: str, asked: int
) -> None:
    outgoing = compose(EVENTS_ORDERS_PLACED, placed(quantity), "11078")
    orders = MemoryTransport(broker, "orders")

    await publish(orders, EVENTS_ORDERS_PLACED.subject, outgoing.body, outgoing.headers)
    await until(lambda: not broker.consumers["stock"].unsettled)

    [letter] = [stored.message.headers for stored in broker.streams[DEAD]]
    assert ("invalid_payload", detail, "1") == (
        letter["Dead-Reason"],
        letter["Dead-Detail"],
        letter["Dead-Attempts"],
    )
    assert asked == products.asked
    await orders.close()
