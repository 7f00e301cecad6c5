"""Builds the stock worker. It has no store: `products` keeps the stock."""

from contextlib import AsyncExitStack

from mesh.client.client import Client
from mesh.service.service import Service
from mesh.transport.base import Transport
from stock_svc.events import StockEvents
from stock_svc.settings import StockSettings
from worker.events import Events, Publisher
from worker.wiring import wire


async def build(
    settings: StockSettings,
    transport: Transport,
    resources: AsyncExitStack,
    handlers: type[StockEvents] = StockEvents,
) -> Service:
    """The service, ready to start. `handlers` is what handles its events."""
    return await wire(
        "stock",
        settings,
        transport,
        resources,
        description="Reserves the goods of orders",
        handlers=[],
        probe=None,
        events=Events([handlers(Client(transport), Publisher(transport))]),
    )
