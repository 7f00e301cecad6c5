"""Builds the orders worker from its settings, its database and its handlers."""

from contextlib import AsyncExitStack
from functools import partial

from mesh.client.client import Client
from mesh.service.service import Service
from mesh.transport.base import Transport
from orders_svc.events import OrderEvents
from orders_svc.handlers import Handlers
from orders_svc.placement import Placements
from orders_svc.repository import Orders
from orders_svc.seeding import seed
from orders_svc.settings import OrdersSettings
from worker.postgres import connections, events, idempotent_writes, open_postgres
from worker.wiring import wire


async def build(settings: OrdersSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a migrated database.

    Raises StartError if the database is unavailable or its schema does not fit.
    """
    database = await open_postgres(
        settings.orders_database_url,
        resources,
        service="orders",
        size=settings.orders_pool_size,
        seed=seed if settings.orders_seed else None,
        steps={},
        events=True,
    )
    return await wire(
        "orders",
        settings,
        transport,
        resources,
        description="Northwind's orders",
        handlers=[
            Handlers(Orders(database), idempotent_writes(database, Orders, events=True), Placements(Client(transport)))
        ],
        events=events(database, Orders, [OrderEvents()]),
        probe=database.probe,
        sources=[partial(connections, database, "orders")],
    )
