"""Opens and migrates the PostgreSQL database of a worker, makes its writes idempotent, and stores its events."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from importlib.resources import files
from typing import TypeVar
from uuid import UUID

from pydantic import SecretStr

from mesh.core import context
from mesh.core.event import Event, Payload
from mesh.events.cloud_event import compose
from mesh.service.idempotency import KEPT, IdempotentWrites
from mesh.telemetry.metrics import Sample
from providers.postgres.database import Database, Statements, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.inbox import NOTHING, PostgresInbox
from providers.postgres.migrations import Seed, Steps, migrate
from providers.postgres.outbox import Entry, PostgresOutbox, write
from worker.events import Events
from worker.outages import TERMS, opening
from worker.pool import pool_samples

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
    """The database of the service, migrated by the package `<service>_svc`.

    `events`: whether it also has the tables `outbox` and `inbox`, which `events` and `publish` need.

    Raises StartError if it is unavailable or its schema does not fit.
    """
    with opening():
        database = await resources.enter_async_context(open_database(url, name=service, size=size, terms=TERMS))
        await migrate(database, files(f"{service}_svc") / "migrations", seed, steps, events=events)
    return database


def idempotent_writes(
    database: Database, repository: Callable[[Statements], Repository], *, events: bool = False
) -> IdempotentWrites[Repository]:
    """Runs a write of the repository once for each Idempotency-Key.

    `events`: whether its writes publish events; then a write without a key runs in a transaction too.
    """

    async def run(work: Callable[[Repository], Awaitable[Result]]) -> Result:
        async with database.transaction() as connection:
            return await work(repository(connection))

    keys = Keys(database, repository, KEPT)
    return IdempotentWrites(repository(database), keys.keep, run if events else None, keys.find)


def events(
    database: Database,
    repository: Callable[[Statements], Repository],
    handlers: Iterable[object] = (),
    *,
    expiring: Mapping[str, str] = NOTHING,
) -> Events:
    """The events of a service with this database. Its handlers get the repository on the inbox's transaction.

    `expiring`: tables with rows that wait for another event, each with the column of their time. The rows are deleted
    when the stream no longer has that event.
    """
    return Events(handlers, PostgresOutbox(database), PostgresInbox(database, repository, expiring=expiring))


def connections(database: Database, name: str) -> Iterable[Sample]:
    """The numbers of the database's connections, shown as the pool `name`."""
    pool = database.connections
    return pool_samples(name, used=pool.used, idle=pool.idle, most=pool.size, waiting=pool.waiting)


async def name_caller(transaction: Statements) -> None:
    """Tell the transaction who makes its changes, and by which request: a trigger that keeps a history reads them.

    They are the settings `mesh.user_id` and `mesh.request_id` (reference/wire.md, W-STATE-7).
    """
    current = context.current()
    await transaction.fetchrow(
        "SELECT set_config('mesh.user_id', $1, true), set_config('mesh.request_id', $2, true)",
        current.caller.user_id if current and current.caller else "",
        current.request_id if current else "",
    )


async def publish(
    transaction: Statements, event: Event[Payload], payload: Payload, *, aggregate: str, event_id: UUID | None = None
) -> UUID:
    """Store the event in the transaction of its change, and return its id.

    `aggregate` is the id of what changed: the events of one aggregate arrive in order. Publish after the statement that
    locks the aggregate's row, so that the order of the events is that of the changes. The relay sends the event after
    the commit. `event_id` is `cloud_event.next_id` by default.

    Raises RuntimeError outside of a transaction.
    """
    outgoing = compose(event, payload, aggregate, event_id)
    entry = Entry(str(outgoing.id), event.subject, aggregate, outgoing.headers, outgoing.body)
    write(transaction, entry)
    return outgoing.id
