"""Settings of the orders worker."""

from pydantic import Field

from mesh.process.settings import WorkerSettings
from providers.postgres.database import PostgresUrl


class OrdersSettings(WorkerSettings):
    """A worker's settings, and the database of orders."""

    orders_database_url: PostgresUrl
    """The PostgreSQL database of this service, with user and password."""
    orders_pool_size: int = Field(10, ge=1, le=1_000)
    """The most connections to the database, per process."""
    orders_seed: bool = False
    """Whether an empty database is filled with Northwind's orders."""
