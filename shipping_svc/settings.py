"""Settings of the shipping worker."""

from pydantic import Field

from mesh.process.settings import WorkerSettings
from providers.postgres.database import PostgresUrl

_LONGEST = 30 * 24 * 3600.0


class ShippingSettings(WorkerSettings):
    """A worker's settings, the database of shipments, and the timers."""

    shipping_database_url: PostgresUrl
    """The PostgreSQL database of this service, with user and password."""
    shipping_pool_size: int = Field(10, ge=1, le=1_000)
    """The most connections to the database, per process."""
    shipping_seed: bool = False
    """Whether an empty database is filled with Northwind's shippers."""
    shipping_dispatch_after: float | None = Field(None, ge=0, le=_LONGEST)
    """Seconds from the creation of a shipment to its dispatch. Without it, an administrator dispatches."""
    shipping_deliver_after: float | None = Field(None, ge=0, le=_LONGEST)
    """Seconds from the dispatch of a shipment to its delivery. Without it, an administrator delivers."""
