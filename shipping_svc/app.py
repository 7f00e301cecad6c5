"""Builds the shipping worker from its settings, its database, its handlers and its timers."""

from contextlib import AsyncExitStack
from functools import partial

from mesh.client.client import Client
from mesh.service.service import Service
from mesh.transport.base import Transport
from shipping_svc.departures import Departures
from shipping_svc.events import ShippingEvents
from shipping_svc.handlers import Handlers
from shipping_svc.repository import EXPIRING, Shipments, seed
from shipping_svc.settings import ShippingSettings
from shipping_svc.timers import Timers, running
from worker.postgres import connections, events, idempotent_writes, open_postgres
from worker.wiring import wire


async def build(settings: ShippingSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start on a migrated database.

    Raises StartError if the database is unavailable or its schema does not fit.
    """
    database = await open_postgres(
        settings.shipping_database_url,
        resources,
        service="shipping",
        size=settings.shipping_pool_size,
        seed=seed if settings.shipping_seed else None,
        steps={},
        events=True,
    )
    departures = Departures(Client(transport))
    writes = idempotent_writes(database, Shipments, events=True)
    service = await wire(
        "shipping",
        settings,
        transport,
        resources,
        description="Shipments of confirmed orders",
        handlers=[Handlers(Shipments(database), writes, departures)],
        events=events(database, Shipments, [ShippingEvents()], expiring=EXPIRING),
        probe=database.probe,
        sources=[partial(connections, database, "shipping")],
    )
    timers = Timers(
        database,
        departures.permit,
        dispatch_after=settings.shipping_dispatch_after,
        deliver_after=settings.shipping_deliver_after,
    )
    await resources.enter_async_context(running(timers))
    return service
