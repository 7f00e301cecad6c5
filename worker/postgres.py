"""Opens and migrates the PostgreSQL database of a worker, and makes its writes idempotent."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.resources import files
from typing import TypeVar

from pydantic import SecretStr

from mesh.service.idempotency import KEPT, IdempotentWrites
from providers.postgres.database import Database, Statements, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.migrations import Seed, Steps, migrate
from worker.outages import TERMS, opening

Repository = TypeVar("Repository")


async def open_postgres(  # noqa: PLR0913  # each by name
    url: SecretStr, resources: AsyncExitStack, *, service: str, size: int, seed: Seed | None, steps: Steps
) -> Database:
    """The database of the service, migrated by the package `<service>_svc`.

    Raises StartError if it is unavailable or its schema does not fit.
    """
    with opening():
        database = await resources.enter_async_context(open_database(url, name=service, size=size, terms=TERMS))
        await migrate(database, files(f"{service}_svc") / "migrations", seed, steps)
    return database


def idempotent_writes(
    database: Database, repository: Callable[[Statements], Repository]
) -> IdempotentWrites[Repository]:
    """Runs a write of the repository once for each Idempotency-Key."""
    return IdempotentWrites(repository(database), Keys(database, repository, KEPT).keep)
