"""Where the products worker is wired up: database, handlers, token keys, endpoints."""

from contextlib import AsyncExitStack
from functools import partial
from importlib.resources import files

from contracts.auth import GetJwks
from mesh.client.client import Client
from mesh.core.context import remaining
from mesh.process.run import StartError
from mesh.security.verifier import Verifier
from mesh.service.faults import database_read_only, database_unavailable, deadline_passed
from mesh.service.health import watched
from mesh.service.idempotency import KEPT, Once
from mesh.service.service import Service
from mesh.transport.base import Transport
from products_svc.handlers import Handlers
from products_svc.repository import STEPS, Catalogue, seed
from products_svc.settings import ProductsSettings
from providers.errors import ProviderError
from providers.postgres.database import Database, Terms, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.migrations import migrate
from subjects import (
    AUTH_JWKS,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_GET_MANY,
    PRODUCTS_LIST,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_UPDATE,
)


async def build(settings: ProductsSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a database that is up to date.

    Raises StartError where the database cannot be had or does not fit.
    """
    database = await _database(settings, resources)
    catalogue = Catalogue(database)
    handlers = Handlers(catalogue, Once(catalogue, Keys(database, Catalogue, KEPT).keep))
    fetch_keys = partial(Client(transport).call, AUTH_JWKS, GetJwks())
    service = Service(
        "products",
        transport,
        version="1.0.0",
        description="Northwind's catalogue: products, categories and suppliers",
        verify=Verifier(settings, fetch_keys).verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )
    service.add(PRODUCTS_GET, handlers.get)
    service.add(PRODUCTS_GET_MANY, handlers.get_many)
    service.add(PRODUCTS_LIST, handlers.list)
    service.add(PRODUCTS_CREATE, handlers.create)
    service.add(PRODUCTS_UPDATE, handlers.update)
    service.add(PRODUCTS_DISCONTINUE, handlers.discontinue)
    service.add(PRODUCTS_CATEGORIES_LIST, handlers.list_categories)
    service.add(PRODUCTS_SUPPLIERS_LIST, handlers.list_suppliers)
    service.add(PRODUCTS_SUPPLIERS_GET, handlers.get_supplier)
    await resources.enter_async_context(watched(service, database.probe, "the database does not answer"))
    return service


async def _database(settings: ProductsSettings, resources: AsyncExitStack) -> Database:
    opening = open_database(
        settings.products_database_url,
        name="products",
        size=settings.products_pool_size,
        terms=Terms(
            unavailable=database_unavailable,
            read_only=database_read_only,
            timed_out=deadline_passed,
            remaining=remaining,
        ),
    )
    try:
        database = await resources.enter_async_context(opening)
        await migrate(database, files("products_svc") / "migrations", seed if settings.products_seed else None, STEPS)
    except ProviderError as error:
        raise StartError(str(error)) from error
    return database
