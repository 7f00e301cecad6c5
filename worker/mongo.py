"""The MongoDB database that a worker owns, and its durable events."""

from collections.abc import Iterable
from contextlib import AsyncExitStack

from pydantic import SecretStr

from mesh.core.event import Event, Payload
from mesh.events.cloud_event import compose
from mesh.process.run import read_settings
from mesh.telemetry.metrics import Sample
from mesh.telemetry.settings import TraceSettings
from providers.mongo.database import Database, Document, open_database, pool_counts
from providers.mongo.outbox import Entry, MongoOutbox, unsent
from worker.outages import TERMS, opening
from worker.pool import pool_samples


async def open_mongo(url: SecretStr, resources: AsyncExitStack, *, service: str) -> Database:
    """The database that the URL names, or the one named after the service. Raises StartError where it cannot be had."""
    traces = read_settings(TraceSettings).trace_ratio > 0
    with opening():
        return await resources.enter_async_context(
            open_database(url, default_name=service, span=TERMS.span if traces else None)
        )


async def outbox_in(database: Database, collection: str) -> MongoOutbox:
    """The outbox within the documents of the collection."""
    outbox = MongoOutbox(database, collection, TERMS)
    await outbox.ensure_index()
    return outbox


def connections(database: Database, name: str) -> Iterable[Sample]:
    """The numbers of the database's connections, shown as the pool `name`."""
    counts, most = pool_counts(database)
    idle = max(0, counts.open - counts.used)
    return pool_samples(name, used=counts.used, idle=idle, most=most, waiting=counts.waiting)


def unsent_event(event: Event[Payload], payload: Payload, *, aggregate: str) -> Document:
    """What the write of a change pushes to the document's `unsent_events`. Call the outbox's `wrote` after the write.

    `aggregate` is the id of the document: its events arrive in order.
    """
    outgoing = compose(event, payload, aggregate)
    return unsent(Entry(str(outgoing.id), event.subject, aggregate, outgoing.headers, outgoing.body))
