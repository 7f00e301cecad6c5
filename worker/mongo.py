"""The MongoDB database that a worker owns."""

from contextlib import AsyncExitStack

from pydantic import SecretStr

from providers.mongo.database import Database, open_database
from worker.outages import opening


async def open_mongo(url: SecretStr, resources: AsyncExitStack, *, service: str) -> Database:
    """The database that the URL names, or the one named after the service. Raises StartError where it cannot be had."""
    with opening():
        return await resources.enter_async_context(open_database(url, default_name=service))
