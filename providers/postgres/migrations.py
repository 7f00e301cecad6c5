"""Brings a database's schema up to date at the start: numbered SQL files, each applied once, in order."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import asyncpg
import structlog

from providers.errors import MigrationError
from providers.postgres.connections import Connection
from providers.postgres.database import Database

log = structlog.get_logger()

Seed = Callable[[Connection], Awaitable[None]]
"""Fills fresh tables with their first rows."""
Step = Callable[[Connection], Awaitable[None]]
"""Does after a file what SQL cannot."""
Steps = Mapping[str, Step]
"""What follows on a file, by its name."""

_LOCK = 0x6D_65_73_68  # any number, the same for all who migrate; locks are per database
PATIENCE: Final = 600.0  # seconds for one migration, or for another process to finish its own
_GIVE_UP = 1.0  # seconds for the server to confirm that a migration is undone
_SEED = "seed"
_NO_STEPS: Final[Steps] = {}

_BEGIN = f"""
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = 0;
    SELECT pg_advisory_xact_lock({_LOCK});
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


async def migrate(
    database: Database,
    folder: Traversable,
    seed: Seed | None = None,
    steps: Steps = _NO_STEPS,
    *,
    events: bool = False,
) -> None:
    """Apply the `.sql` files of the folder, by name, that the database does not have yet, then the seed.

    `steps`: what follows on a file, by its name. `events`: whether the service has an outbox and an inbox, whose tables
    are made after its own.

    All of it is one transaction under one lock: of processes that start together one migrates and the others find it
    done, and a start that fails leaves nothing behind. The seed is recorded like a migration, so that rows which were
    changed or removed since never come back.

    Raises MigrationError where a migration fails, was changed since it was applied, or is unknown here.
    """
    migrations = _read(folder)
    shared = _read(files(__package__) / "event_tables")
    if events:
        migrations |= shared
    async with database.transaction() as connection:
        try:
            await _migrate(connection, migrations, shared, seed, steps)
        except (asyncio.CancelledError, TimeoutError):
            await _give_up(connection)
            raise


async def _migrate(
    connection: Connection, migrations: dict[str, str], shared: dict[str, str], seed: Seed | None, steps: Steps
) -> None:
    await connection.execute(_BEGIN, timeout=PATIENCE)
    applied = {
        row["name"]: row["checksum"] for row in await connection.fetch("SELECT name, checksum FROM schema_migrations")
    }
    _check({**shared, **migrations}, applied)
    for name, sql in migrations.items():
        if name not in applied:
            await _apply(connection, name, sql, steps.get(name))
    if seed is not None and _SEED not in applied:
        await seed(connection)
        await _record(connection, _SEED, "")


async def _give_up(connection: Connection) -> None:
    """Undo it now: a statement without a limit would go on in the server, with its locks, after we have left.

    asyncpg has asked the server to cancel the statement, and waits here until it has.
    """
    with suppress(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.execute("ROLLBACK", timeout=_GIVE_UP)


def _read(folder: Traversable) -> dict[str, str]:
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {file.name: file.read_text(encoding="utf-8") for file in found}


def _check(migrations: dict[str, str], applied: dict[str, str]) -> None:
    for name, checksum in applied.items():
        if name == _SEED:
            continue
        if name not in migrations:
            raise MigrationError(f"the database has {name}, which this version does not know: run a newer one")
        if checksum != _checksum(migrations[name]):
            raise MigrationError(f"{name} was changed after it was applied: restore it and write a new one")


async def _apply(connection: Connection, name: str, sql: str, step: Step | None) -> None:
    try:
        await connection.execute(sql, timeout=PATIENCE)
        if step is not None:
            await step(connection)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{name}: {error}") from error
    await _record(connection, name, _checksum(sql))
    log.info("migration_applied", name=name)


async def _record(connection: Connection, name: str, checksum: str) -> None:
    await connection.execute("INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)", name, checksum)


def _checksum(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()
