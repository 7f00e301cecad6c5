"""What repositories share: rows by key, versions, retirement and pages, each rule within a single statement."""

# ruff: noqa: S608  # the texts are put together from a repository's own words; what a caller sends travels beside them

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from providers.errors import InvalidCursor
from providers.postgres.database import Statements
from providers.postgres.keyset import Order, Select

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows have a `version`, and retire instead of being deleted."""

    name: str
    key: str
    columns: str
    """What a row is read by."""
    in_use: str
    """The condition that a row has not retired."""
    retire: str
    """The assignment that retires a row."""
    hides_retired: bool = False
    """Whether a row that has retired is found no more, nor changed."""


def insertion(table: str, values: Mapping[str, Any]) -> str:
    """The INSERT of a row with these columns."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"


class VersionedRepository(ABC, Generic[Key, Row]):
    """The rows of one table. A subclass says which errors its callers know, and adds what is its own."""

    table: ClassVar[Table]

    def __init__(self, database: Statements) -> None:
        self._database = database
        self._found = f" AND {self.table.in_use}" if self.table.hides_retired else ""

    @abstractmethod
    def _row(self, values: Mapping[str, Any]) -> Row:
        """The row that these values, by column, make."""

    @abstractmethod
    def _is_retired(self, row: Row) -> bool:
        """Whether the row has retired."""

    @abstractmethod
    def _not_found(self, key: Key) -> Exception:
        """What the caller hears of a row that is not there."""

    @abstractmethod
    def _other_version(self, row: Row, expected: int | None) -> Exception:
        """What the caller hears who expects another version."""

    @abstractmethod
    def _invalid_cursor(self, why: str) -> Exception:
        """What the caller hears whose cursor is of another list."""

    async def get(self, key: Key) -> Row:
        """The row. Raises what `_not_found` makes."""
        return await self._get(key, self._found)

    async def find_many(self, keys: Collection[Key]) -> dict[Key, Row]:
        """Those of the rows that there are, by key."""
        table = self.table
        rows = await self._database.fetch(
            f"SELECT {table.columns} FROM {table.name} WHERE {table.key} = ANY($1){self._found}", list(keys)
        )
        return {row[table.key]: self._row(dict(row)) for row in rows}

    async def _get(self, key: Key, condition: str) -> Row:
        table = self.table
        row = await self._database.fetchrow(
            f"SELECT {table.columns} FROM {table.name} WHERE {table.key} = $1{condition}", key
        )
        if row is None:
            raise self._not_found(key)
        return self._row(dict(row))

    async def _change(self, key: Key, expected_version: int, values: Mapping[str, Any]) -> Row:
        """The row with the values, by column, set. Raises what `_not_found` and `_other_version` make."""
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
        return self._row(dict(row))

    async def _retire(self, key: Key, expected_version: int | None) -> Row:
        """The row, retired now or before. Raises what `_not_found` and `_other_version` make."""
        table = self.table
        row = await self._database.fetchrow(
            f"UPDATE {table.name} SET {table.retire}, version = version + 1, updated_at = now()"
            f" WHERE {table.key} = $1 AND {table.in_use} AND ($2::integer IS NULL OR version = $2)"
            f" RETURNING {table.columns}",
            key,
            expected_version,
        )
        if row is not None:
            return self._row(dict(row))
        current = await self._get(key, "")
        if not self._is_retired(current):
            raise self._other_version(current, expected_version)
        return current

    async def _page(self, select: Select, order: Order, limit: int, cursor: str | None) -> dict[str, Any]:
        """The fields of a page: its `items`, and the `next_cursor`. Raises what `_invalid_cursor` makes."""
        try:
            rows, next_cursor = await select.page(self._database, order, limit, cursor)
        except InvalidCursor as error:
            raise self._invalid_cursor(str(error)) from error
        return {"items": [*map(dict, rows)], "next_cursor": next_cursor}
