"""Opens auth's database and creates the indexes of its queries."""

from contextlib import AsyncExitStack

from auth_svc.repository import ensure_indexes
from auth_svc.settings import AuthSettings
from providers.mongo.database import Database, open_database
from worker.outages import opening


async def open_store(settings: AuthSettings, resources: AsyncExitStack) -> Database:
    """The database with its indexes. Raises StartError if it is unavailable."""
    with opening():
        database = await resources.enter_async_context(open_database(settings.auth_mongodb_url, default_name="auth"))
    await ensure_indexes(database)
    return database
