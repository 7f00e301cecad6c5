"""The durable events of a worker whose database is MongoDB."""

from collections.abc import Iterable
from typing import TypeVar

from mesh.core.event import Event, Payload
from mesh.events.cloud_event import compose
from providers.mongo.database import Database, Document
from providers.mongo.inbox import MongoInbox
from providers.mongo.outbox import Entry, MongoOutbox, unsent
from worker.events import Events
from worker.outages import TERMS

Repository = TypeVar("Repository")


async def events(
    database: Database, repository: Repository, handlers: Iterable[object] = (), outbox: MongoOutbox | None = None
) -> Events:
    """The events of a service with this database; its handlers get the repository.

    An effect carries the event's id, `handled().id`, in its own document write: see MongoInbox.
    """
    inbox = MongoInbox(database, repository, TERMS)
    await inbox.ensure_index()
    return Events(handlers, outbox, inbox)


async def outbox_in(database: Database, collection: str) -> MongoOutbox:
    """The outbox within the documents of the collection."""
    outbox = MongoOutbox(database, collection, TERMS)
    await outbox.ensure_index()
    return outbox


def unsent_event(event: Event[Payload], payload: Payload, *, aggregate: str) -> Document:
    """What the write of a change pushes to the document's `unsent_events`. Call the outbox's `wrote` after the write.

    `aggregate` is the id of the document: its events arrive in order.
    """
    outgoing = compose(event, payload, aggregate)
    return unsent(Entry(str(outgoing.id), event.subject, aggregate, outgoing.headers, outgoing.body))
