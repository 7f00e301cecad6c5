"""What the stock worker is made of. It has no store: `products` keeps the stock."""

from contextlib import AsyncExitStack

from mesh.client.client import Client
from mesh.process.settings import WorkerSettings
from mesh.service.service import Service
from mesh.transport.base import Transport
from stock_svc.events import StockEvents
from worker.events import Events, Publisher
from worker.wiring import wire


async def build(settings: WorkerSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start."""
    return await wire(
        "stock",
        settings,
        transport,
        resources,
        description="Reserves in products what orders want",
        handlers=[],
        probe=_nothing_to_probe,
        events=Events([StockEvents(Client(transport), Publisher(transport))]),
    )


async def _nothing_to_probe() -> None:
    """Look for no database."""
