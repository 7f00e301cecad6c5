"""Where the customers worker is wired up: database, handlers, token keys, endpoints."""

from contextlib import AsyncExitStack
from functools import partial
from importlib.resources import files

from contracts.auth import GetJwks
from customers_svc.handlers import Handlers
from customers_svc.repository import STEPS, Customers, seed
from customers_svc.settings import CustomersSettings
from mesh.client.client import Client
from mesh.core.context import remaining
from mesh.process.run import StartError
from mesh.security.verifier import Verifier
from mesh.service.faults import database_read_only, database_unavailable, deadline_passed
from mesh.service.health import watched
from mesh.service.idempotency import KEPT, Once
from mesh.service.service import Service
from mesh.transport.base import Transport
from providers.errors import ProviderError
from providers.postgres.database import Database, Terms, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.migrations import migrate
from subjects import (
    AUTH_JWKS,
    CUSTOMERS_ARCHIVE,
    CUSTOMERS_CREATE,
    CUSTOMERS_GET,
    CUSTOMERS_GET_MANY,
    CUSTOMERS_LIST,
    CUSTOMERS_UPDATE,
)


async def build(settings: CustomersSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a database that is up to date.

    Raises StartError where the database cannot be had or does not fit.
    """
    database = await _database(settings, resources)
    customers = Customers(database)
    handlers = Handlers(customers, Once(customers, Keys(database, Customers, KEPT).keep))
    fetch_keys = partial(Client(transport).call, AUTH_JWKS, GetJwks())
    service = Service(
        "customers",
        transport,
        version="1.0.0",
        description="Northwind's customers",
        verify=Verifier(settings, fetch_keys).verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )
    service.add(CUSTOMERS_GET, handlers.get)
    service.add(CUSTOMERS_GET_MANY, handlers.get_many)
    service.add(CUSTOMERS_LIST, handlers.list)
    service.add(CUSTOMERS_CREATE, handlers.create)
    service.add(CUSTOMERS_UPDATE, handlers.update)
    service.add(CUSTOMERS_ARCHIVE, handlers.archive)
    await resources.enter_async_context(watched(service, database.probe, "the database does not answer"))
    return service


async def _database(settings: CustomersSettings, resources: AsyncExitStack) -> Database:
    opening = open_database(
        settings.customers_database_url,
        name="customers",
        size=settings.customers_pool_size,
        terms=Terms(
            unavailable=database_unavailable,
            read_only=database_read_only,
            timed_out=deadline_passed,
            remaining=remaining,
        ),
    )
    try:
        database = await resources.enter_async_context(opening)
        await migrate(database, files("customers_svc") / "migrations", seed if settings.customers_seed else None, STEPS)
    except ProviderError as error:
        raise StartError(str(error)) from error
    return database
