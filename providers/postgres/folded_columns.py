"""Search columns: the folded text of a column is in the column `<column>_folded` beside it."""

# ruff: noqa: S608  # SQL is built from a repository's own names; values are parameters

from collections.abc import Collection, Mapping
from typing import Any

from providers.postgres.connections import Connection
from providers.postgres.folding import fold
from providers.postgres.migrations import MIGRATION_TIMEOUT


def with_folded(values: Mapping[str, Any], columns: Collection[str]) -> dict[str, Any]:
    """The values, with the folded text of those `columns` that are among them."""
    return {**values, **{f"{column}_folded": fold(values[column] or "") for column in columns if column in values}}


async def fold_again(connection: Connection, table: str, key: str, columns: Collection[str]) -> None:
    """Fold the text of every row again, after a change of the rules."""
    read = ", ".join(f"{column}, {column}_folded" for column in columns)
    rows = connection.cursor(f"SELECT {key}, {read} FROM {table}", prefetch=1000, timeout=MIGRATION_TIMEOUT)
    stale = [row async for row in rows if any(fold(row[each] or "") != row[f"{each}_folded"] for each in columns)]
    assignments = ", ".join(f"{column}_folded = ${number}" for number, column in enumerate(columns, start=2))
    await connection.executemany(
        f"UPDATE {table} SET {assignments} WHERE {key} = $1",
        [(row[key], *(fold(row[column] or "") for column in columns)) for row in stale],
        timeout=MIGRATION_TIMEOUT,
    )
