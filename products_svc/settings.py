"""What the products worker is told by its environment."""

from pydantic import Field

from mesh.process.settings import WorkerSettings
from providers.postgres.database import PostgresUrl


class ProductsSettings(WorkerSettings):
    """A worker's settings, and the database that this one owns."""

    products_database_url: PostgresUrl
    products_pool_size: int = Field(10, ge=1, le=1_000)
    """Connections at most."""
    products_seed: bool = False
    """Whether a fresh database gets Northwind's products, categories and suppliers."""
