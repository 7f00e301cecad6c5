"""Opens auth's database and creates the indexes of its queries."""

from contextlib import AsyncExitStack

from auth_svc.repository import ensure_indexes
from auth_svc.settings import AuthSettings
from providers.mongo.database import Database
from worker.mongo import open_mongo


async def open_store(settings: AuthSettings, resources: AsyncExitStack) -> Database:
    """The database with its indexes. Raises StartError if it is unavailable."""
    database = await open_mongo(settings.auth_mongodb_url, resources, service="auth")
    await ensure_indexes(database)
    return database
