"""Builds the customers worker from its settings, its database and its handlers."""

from contextlib import AsyncExitStack
from functools import partial

from customers_svc.handlers import Handlers
from customers_svc.repository import STEPS, Customers, seed
from customers_svc.settings import CustomersSettings
from mesh.service.service import Service
from mesh.transport.base import Transport
from worker.postgres import connections, events, idempotent_writes, open_postgres
from worker.wiring import wire


async def build(settings: CustomersSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a migrated database.

    Raises StartError if the database is unavailable or its schema does not fit.
    """
    database = await open_postgres(
        settings.customers_database_url,
        resources,
        service="customers",
        size=settings.customers_pool_size,
        seed=seed if settings.customers_seed else None,
        steps=STEPS,
        events=True,
    )
    return await wire(
        "customers",
        settings,
        transport,
        resources,
        description="Northwind's customers",
        handlers=[Handlers(Customers(database), idempotent_writes(database, Customers, events=True))],
        events=events(database, Customers),
        probe=database.probe,
        sources=[partial(connections, database, "customers")],
    )
