"""Settings of the carts worker."""

from mesh.process.settings import WorkerSettings
from providers.mongo.database import MongoUrl


class CartsSettings(WorkerSettings):
    """A worker's settings, and the database of carts."""

    carts_mongodb_url: MongoUrl
    """The MongoDB database of carts. Its name is `carts` if the URL names none."""
