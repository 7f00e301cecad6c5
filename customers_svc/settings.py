"""Settings of the customers worker."""

from pydantic import Field

from mesh.process.settings import WorkerSettings
from providers.postgres.database import PostgresUrl


class CustomersSettings(WorkerSettings):
    """A worker's settings, and the database of customers."""

    customers_database_url: PostgresUrl
    """The PostgreSQL database of this service, with user and password."""
    customers_pool_size: int = Field(10, ge=1, le=1_000)
    """The most connections to the database, per process."""
    customers_seed: bool = False
    """Whether an empty database is filled with Northwind's customers."""
