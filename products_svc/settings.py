"""Settings of the products worker."""

from pydantic import Field

from mesh.process.settings import WorkerSettings
from providers.postgres.database import PostgresUrl


class ProductsSettings(WorkerSettings):
    """A worker's settings, and the database of products."""

    products_database_url: PostgresUrl
    """The PostgreSQL database of this service, with user and password."""
    products_pool_size: int = Field(10, ge=1, le=1_000)
    """The most connections to the database, per process."""
    products_seed: bool = False
    """Whether an empty database is filled with Northwind's products."""
