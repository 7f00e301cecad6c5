"""A schema of its own for each test, so that tests on one database do not see each other."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from pydantic import SecretStr


@asynccontextmanager
async def fresh_schema(url: str) -> AsyncIterator[SecretStr]:
    """The URL of an empty schema in the database at `url`; it is dropped at the end."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
        yield SecretStr(f"{url}{'&' if '?' in url else '?'}search_path={name}")
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
    finally:
        await connection.close()
