"""The PostgreSQL database that a worker owns: opened, brought up to date, with repeatable writes, and with events."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from importlib.resources import files
from typing import TypeVar
from uuid import UUID

from pydantic import SecretStr

from mesh.core.event import Event, Payload
from mesh.events.cloud_event import compose
from mesh.service.idempotency import KEPT, Once
from providers.postgres.database import Database, Statements, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.inbox import PostgresInbox
from providers.postgres.migrations import Seed, Steps, migrate
from providers.postgres.outbox import Entry, PostgresOutbox, write
from worker.events import Events
from worker.outages import TERMS, opening

Repository = TypeVar("Repository")
Result = TypeVar("Result")


async def open_postgres(  # noqa: PLR0913  # each by name
    url: SecretStr,
    resources: AsyncExitStack,
    *,
    service: str,
    size: int,
    seed: Seed | None,
    steps: Steps,
    events: bool = False,
) -> Database:
    """The database of the service, migrated to what the package `<service>_svc` brings.

    `events`: whether it also has the tables `outbox` and `inbox`, which `events` and `publish` need.

    Raises StartError where it cannot be had or does not fit.
    """
    with opening():
        database = await resources.enter_async_context(open_database(url, name=service, size=size, terms=TERMS))
        await migrate(database, files(f"{service}_svc") / "migrations", seed, steps, events=events)
    return database


def once(
    database: Database, repository: Callable[[Statements], Repository], *, events: bool = False
) -> Once[Repository]:
    """Runs a write of the repository once for each Idempotency-Key.

    `events`: whether its writes publish events; then a write without a key runs in a transaction too.
    """

    async def run(work: Callable[[Repository], Awaitable[Result]]) -> Result:
        async with database.transaction() as connection:
            return await work(repository(connection))

    return Once(repository(database), Keys(database, repository, KEPT).keep, run if events else None)


def events(
    database: Database, repository: Callable[[Statements], Repository], handlers: Iterable[object] = ()
) -> Events:
    """The events of a service with this database; its handlers get the repository within the inbox's transaction."""
    return Events(handlers, PostgresOutbox(database), PostgresInbox(database, repository))


async def publish(transaction: Statements, event: Event[Payload], payload: Payload, *, aggregate: str) -> UUID:
    """Write the event in the transaction of the change that it tells of, and return its id.

    `aggregate` is the id of what changed: the events of one aggregate arrive in order. Publish after the statement that
    locks the aggregate's row, so that the order of the events is that of the changes. The relay sends the event after
    the commit.

    Raises RuntimeError outside of a transaction.
    """
    outgoing = compose(event, payload, aggregate)
    entry = Entry(str(outgoing.id), event.subject, aggregate, outgoing.headers, outgoing.body)
    await write(transaction, entry)
    return outgoing.id
