"""The database that auth owns: opened, with the indexes that its queries rely on."""

from contextlib import AsyncExitStack

from auth_svc.repository import ensure_indexes
from auth_svc.settings import AuthSettings
from providers.mongo.database import Database, open_database
from worker.outages import opening


async def open_store(settings: AuthSettings, resources: AsyncExitStack) -> Database:
    """The database with its indexes. Raises StartError where it cannot be had."""
    with opening():
        database = await resources.enter_async_context(open_database(settings.auth_mongodb_url, default_name="auth"))
    await ensure_indexes(database)
    return database
