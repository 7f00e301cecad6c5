"""Builds the products worker from its settings, its database and its handlers."""

from contextlib import AsyncExitStack
from functools import partial

from mesh.service.service import Service
from mesh.transport.base import Transport
from products_svc.categories_handlers import CategoryHandlers
from products_svc.categories_repository import Categories
from products_svc.handlers import Handlers
from products_svc.inventory_handlers import InventoryHandlers
from products_svc.inventory_repository import InventoryReports
from products_svc.prices_handlers import PriceHandlers
from products_svc.prices_repository import Prices
from products_svc.repository import STEPS, Catalogue, seed
from products_svc.settings import ProductsSettings
from products_svc.stock_handlers import StockHandlers
from products_svc.stock_repository import Warehouse
from products_svc.suppliers_handlers import SupplierHandlers
from products_svc.suppliers_repository import Suppliers
from worker.postgres import connections, events, idempotent_writes, open_postgres
from worker.wiring import wire


async def build(settings: ProductsSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a migrated database.

    Raises StartError if the database is unavailable or its schema does not fit.
    """
    database = await open_postgres(
        settings.products_database_url,
        resources,
        service="products",
        size=settings.products_pool_size,
        seed=seed if settings.products_seed else None,
        steps=STEPS,
        events=True,
    )
    return await wire(
        "products",
        settings,
        transport,
        resources,
        description="Northwind's catalogue: products, categories and suppliers; and its stock",
        handlers=[
            Handlers(Catalogue(database), idempotent_writes(database, Catalogue, events=True)),
            CategoryHandlers(Categories(database), idempotent_writes(database, Categories, events=True)),
            SupplierHandlers(Suppliers(database), idempotent_writes(database, Suppliers, events=True)),
            PriceHandlers(Prices(database), idempotent_writes(database, Prices, events=True)),
            InventoryHandlers(InventoryReports(database)),
            StockHandlers(Warehouse(database), idempotent_writes(database, Warehouse)),
        ],
        events=events(database, Catalogue),
        probe=database.probe,
        sources=[partial(connections, database, "products")],
    )
