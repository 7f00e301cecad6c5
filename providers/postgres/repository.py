"""What repositories share: rows by key, versions, retirement and pages. Each rule is a single statement."""

# ruff: noqa: S608  # SQL is built from a repository's own names; values are parameters

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.database import Statements
from providers.postgres.keyset import Order, Select

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows have a `version`, and are retired instead of deleted, if at all."""

    name: str
    key: str
    columns: str
    """The columns that a row is built from."""
    in_use: str = "true"
    """The SQL condition of a row that is not retired."""
    retire: str = ""
    """The SQL assignment that retires a row; none if `_retire` is not used."""
    restore: str = ""
    """The SQL assignment that brings a retired row back; none if `_restore` is not used."""
    hides_retired: bool = False
    """Whether retired rows can no longer be found or changed."""


def insertion(table: str, values: Mapping[str, Any]) -> str:
    """The INSERT statement for a row with these columns."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"


class VersionedRepository(ABC, Generic[Key, Row]):
    """The rows of one table. A subclass defines the faults for callers, and its own queries."""

    table: ClassVar[Table]

    def __init__(self, database: Statements) -> None:
        self._database = database
        self._found = f" AND {self.table.in_use}" if self.table.hides_retired else ""

    @abstractmethod
    def _row(self, values: Mapping[str, Any]) -> Row:
        """The row made from these values by column."""

    def _is_retired(self, row: Row) -> bool:  # noqa: ARG002  # a table may retire no row
        """Whether the row is retired. Never, unless overridden."""
        return False

    @abstractmethod
    def _not_found(self, key: Key) -> Exception:
        """The fault for an unknown key."""

    def _retired(self, row: Row) -> Exception:
        """The fault for a retired row, where the table hides these."""
        raise NotImplementedError(row)

    @abstractmethod
    def _other_version(self, row: Row, expected: int | None) -> Exception:
        """The fault for another version."""

    @abstractmethod
    def _invalid_cursor(self, why: str) -> Exception:
        """The fault for an invalid cursor."""

    async def _changed(self, row: Row) -> None:
        """Called with the row after each change, on the same connection. Does nothing unless overridden."""

    async def get(self, key: Key) -> Row:
        """The row. Raises the faults of `_not_found` and, where the table hides retired rows, of `_retired`."""
        row = await self._get(key)
        if self.table.hides_retired and self._is_retired(row):
            raise self._retired(row)
        return row

    async def find_many(self, keys: Collection[Key]) -> dict[Key, Row]:
        """The rows that exist, by key."""
        table = self.table
        rows = await self._database.fetch(
            f"SELECT {table.columns} FROM {table.name} WHERE {table.key} = ANY($1){self._found}", list(keys)
        )
        return {row[table.key]: self._row(dict(row)) for row in rows}

    async def _get(self, key: Key) -> Row:
        table = self.table
        row = await self._database.fetchrow(f"SELECT {table.columns} FROM {table.name} WHERE {table.key} = $1", key)
        if row is None:
            raise self._not_found(key)
        return self._row(dict(row))

    async def _add(self, values: Mapping[str, Any]) -> Row:
        """The new row, with these columns."""
        table = self.table
        [row] = await self._database.fetch(
            f"{insertion(table.name, values)} RETURNING {table.columns}", *values.values()
        )
        return await self._after(dict(row))

    async def _change(self, key: Key, expected_version: int, values: Mapping[str, Any]) -> Row:
        """The row with changed columns. Raises the faults of `get` and `_other_version`."""
        table = self.table
        assignments = ", ".join(f"{column} = ${number}" for number, column in enumerate(values, start=3))
        row = await self._database.fetchrow(
            f"UPDATE {table.name} SET {assignments}, version = version + 1, updated_at = now()"
            f" WHERE {table.key} = $1 AND version = $2{self._found} RETURNING {table.columns}",
            key,
            expected_version,
            *values.values(),
        )
        if row is None:
            raise self._other_version(await self.get(key), expected_version)
        return await self._after(dict(row))

    async def _retire(self, key: Key, expected_version: int | None) -> Row:
        """The retired row, also if it was retired before. Raises the faults of `_not_found` and `_other_version`."""
        return await self._turn(key, expected_version, self.table.retire, self.table.in_use, retired=True)

    async def _restore(self, key: Key, expected_version: int | None) -> Row:
        """The row in use, also if it was not retired. Raises the faults of `_not_found` and `_other_version`."""
        return await self._turn(key, expected_version, self.table.restore, f"NOT ({self.table.in_use})", retired=False)

    async def _turn(
        self, key: Key, expected_version: int | None, assignment: str, condition: str, *, retired: bool
    ) -> Row:
        """The row, retired or not as asked for. A row that is so already does not change."""
        table = self.table
        row = await self._database.fetchrow(
            f"UPDATE {table.name} SET {assignment}, version = version + 1, updated_at = now()"
            f" WHERE {table.key} = $1 AND {condition} AND ($2::integer IS NULL OR version = $2)"
            f" RETURNING {table.columns}",
            key,
            expected_version,
        )
        if row is not None:
            return await self._after(dict(row))
        current = await self._get(key)
        if self._is_retired(current) is not retired:
            raise self._other_version(current, expected_version)
        return current

    async def _after(self, values: Mapping[str, Any]) -> Row:
        """The row that was changed, once `_changed` knows it."""
        row = self._row(values)
        await self._changed(row)
        return row

    async def _page(self, select: Select, order: Order, page: Page) -> dict[str, Any]:
        """The fields of a page: `items` and `next_cursor`. Raises the fault of `_invalid_cursor`."""
        try:
            rows, next_cursor = await select.page(self._database, order, page)
        except InvalidCursor as error:
            raise self._invalid_cursor(str(error)) from error
        return {"items": [*map(dict, rows)], "next_cursor": next_cursor}
