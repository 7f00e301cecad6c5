"""Builds the carts worker from its settings, its database and its handlers."""

from contextlib import AsyncExitStack
from functools import partial

from carts_svc.checkout import Checkout
from carts_svc.events import CartEvents
from carts_svc.handlers import Handlers
from carts_svc.prices import Prices
from carts_svc.repository import Carts
from carts_svc.settings import CartsSettings
from mesh.client.client import Client
from mesh.service.service import Service
from mesh.transport.base import Transport
from providers.mongo.database import probe
from worker.events import Events
from worker.mongo import connections, open_mongo
from worker.wiring import wire


async def build(settings: CartsSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a database with its indexes. Raises StartError if it is unavailable."""
    database = await open_mongo(settings.carts_mongodb_url, resources, service="carts")
    carts, client = Carts(database), Client(transport)
    await carts.ensure_index()
    return await wire(
        "carts",
        settings,
        transport,
        resources,
        description="The users' carts",
        handlers=[Handlers(carts, Prices(client), Checkout(carts, client))],
        events=Events([CartEvents(carts)]),
        probe=partial(probe, database),
        sources=[partial(connections, database, "carts")],
    )
