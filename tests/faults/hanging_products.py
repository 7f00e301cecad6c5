"""`python -m tests.faults.hanging_products`: in the place of the products service, a worker whose handlers can hang.

After SIGUSR1 they answer nobody, though the process lives and NATS hears from it; after SIGUSR2 they answer again.
"""

import asyncio
from asyncio import get_running_loop
from contextlib import AsyncExitStack
from signal import SIGUSR1, SIGUSR2

from contracts.products_categories import CategoryPage, ListCategories
from mesh.process.run import run_worker
from mesh.process.settings import WorkerSettings
from mesh.service.service import Service
from mesh.transport.base import Transport
from subjects import PRODUCTS_CATEGORIES_LIST
from tests.faults.slow_products import verify


async def build(settings: WorkerSettings, transport: Transport, _: AsyncExitStack) -> Service:
    """The service, ready to start."""
    answering = asyncio.Event()
    answering.set()
    get_running_loop().add_signal_handler(SIGUSR1, answering.clear)
    get_running_loop().add_signal_handler(SIGUSR2, answering.set)

    async def list_categories(_: ListCategories) -> CategoryPage:
        await answering.wait()
        return CategoryPage(items=(), next_cursor=None)

    service = Service("products", transport, version="1.0.0", description="Products, or silence", verify=verify)
    service.add(PRODUCTS_CATEGORIES_LIST, list_categories)
    return service


if __name__ == "__main__":
    run_worker("products", WorkerSettings, build)
