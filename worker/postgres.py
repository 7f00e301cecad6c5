"""The PostgreSQL database that a worker owns: opened, brought up to date, with writes that may be repeated."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.resources import files
from typing import TypeVar

from pydantic import SecretStr

from mesh.service.idempotency import KEPT, Once
from providers.postgres.database import Database, Statements, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.migrations import Seed, Steps, migrate
from worker.outages import TERMS, opening

Repository = TypeVar("Repository")


async def open_postgres(  # noqa: PLR0913  # each by name
    url: SecretStr, resources: AsyncExitStack, *, service: str, size: int, seed: Seed | None, steps: Steps
) -> Database:
    """The database of the service, migrated to what the package `<service>_svc` brings.

    Raises StartError where it cannot be had or does not fit.
    """
    with opening():
        database = await resources.enter_async_context(open_database(url, name=service, size=size, terms=TERMS))
        await migrate(database, files(f"{service}_svc") / "migrations", seed, steps)
    return database


def once(database: Database, repository: Callable[[Statements], Repository]) -> Once[Repository]:
    """Runs a write of the repository once for each Idempotency-Key."""
    return Once(repository(database), Keys(database, repository, KEPT).keep)
