"""A worker of the tests: it has an effect for each event, and publishes another event with it."""

from contextlib import AsyncExitStack

from mesh.process.run import run_worker
from mesh.process.settings import WorkerSettings
from mesh.service.service import Service
from mesh.transport.base import Transport
from providers.postgres.database import PostgresUrl, Statements
from tests.sample_events import ANNOUNCED, HAPPENED, Happened
from worker.events import handles
from worker.postgres import events, open_postgres, publish
from worker.wiring import wire


class SampleSettings(WorkerSettings):
    """A worker's settings, and its database."""

    sample_database_url: PostgresUrl
    """The PostgreSQL database of this service."""


class Effects:
    """The repository."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def add(self, number: int) -> None:
        """Have the effect, and tell of it."""
        await self._database.fetch("INSERT INTO effects VALUES ($1)", number)
        await publish(self._database, ANNOUNCED, Happened(number=number), aggregate=str(number))


class SampleEvents:
    """The events that the worker handles."""

    @handles(HAPPENED)
    async def happened(self, effects: Effects, event: Happened) -> None:
        """Have the effect."""
        await effects.add(event.number)


async def build(settings: SampleSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, on a database that the test has made."""
    database = await open_postgres(
        settings.sample_database_url, resources, service="customers", size=5, seed=None, steps={}, events=True
    )
    return await wire(
        "sample",
        settings,
        transport,
        resources,
        description="A worker of the tests",
        handlers=[],
        probe=database.probe,
        events=events(database, Effects, [SampleEvents()]),
    )


if __name__ == "__main__":
    run_worker("sample", SampleSettings, build)
