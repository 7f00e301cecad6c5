"""`python -m tests.faults.slow_products`: in the place of the products service, a worker whose capacity is known.

Its capacity is MESH_CONCURRENCY handlers of SECONDS each.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from contracts.products import GetProduct, Product
from mesh.core.context import Caller
from mesh.core.errors import Unauthenticated
from mesh.process.run import run_worker
from mesh.process.settings import WorkerSettings
from mesh.service.service import Service
from mesh.transport.base import Transport
from subjects import PRODUCTS_GET

OVERSIZED = 413
"""The id of the product whose name no message can hold."""
_PRODUCT = Product(
    product_id=1,
    product_name="Slow",
    supplier_id=None,
    category_id=None,
    quantity_per_unit=None,
    unit_price="1.00",
    units_in_stock=0,
    units_on_order=0,
    reorder_level=0,
    discontinued=False,
    version=1,
)


async def verify(_: str) -> Caller:
    """Nobody needs to be known here."""
    raise Unauthenticated("invalid_token", "the access token is not valid")


async def build(settings: WorkerSettings, transport: Transport, _: AsyncExitStack) -> Service:
    """The service, ready to start."""
    seconds = float(os.environ["SECONDS"])

    async def get(request: GetProduct) -> Product:
        await asyncio.sleep(seconds)
        name = "x" * 2**20 if request.product_id == OVERSIZED else _PRODUCT.product_name
        return _PRODUCT.model_copy(update={"product_id": request.product_id, "product_name": name})

    service = Service(
        "products",
        transport,
        version="1.0.0",
        description="Products, slowly",
        verify=verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )
    service.add(PRODUCTS_GET, get)
    return service


if __name__ == "__main__":
    run_worker("products", WorkerSettings, build)
