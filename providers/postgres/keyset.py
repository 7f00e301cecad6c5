"""Keyset pagination: a cursor names the last row seen, so that a deep page costs no more than the first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final

from asyncpg import Record
from pydantic import StringConstraints, TypeAdapter

from providers.cursor import Page, read, write
from providers.errors import InvalidCursor
from providers.postgres.database import Statements

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""A text that a column can hold."""


@dataclass(frozen=True)
class Order:
    """The columns to sort by, none of them nullable and the last one unique.

    `position`: a tuple type of the columns' types, which validates a cursor before its values reach SQL.
    """

    columns: tuple[str, ...]
    position: TypeAdapter[Any]
    descending: bool | tuple[bool, ...] = False
    """Of all columns, or of each."""

    @property
    def directions(self) -> tuple[bool, ...]:
        """Whether each column is descending."""
        return self.descending if isinstance(self.descending, tuple) else (self.descending,) * len(self.columns)


class Orders:
    """The orders of a list that callers choose by naming its fields: `country,-company_name`."""

    def __init__(self, key: str, fields: Mapping[str, tuple[str, Any]]) -> None:
        """`key`: the unique field. `fields`: the column and its type, by the name of the field; the key is one."""
        self._key = key
        self._fields = fields
        self.of: Final = cache(self._of)
        """The order by fields as `contracts.base.sort_keys` has them, of which there are few."""

    def _of(self, sort: str) -> Order:
        """The key breaks ties, in the direction of the last field. Fields behind it would sort nothing."""
        keys = [(one.removeprefix("-"), one.startswith("-")) for one in sort.split(",")]
        keys.append((self._key, keys[-1][1]))
        names = [name for name, _ in keys]
        keys = keys[: names.index(self._key) + 1]
        columns, types = zip(*(self._fields[name] for name, _ in keys), strict=True)
        position: Any = tuple.__class_getitem__(types)
        return Order(columns, TypeAdapter(position), tuple(descending for _, descending in keys))


class Select:
    """A SELECT on one table, with conditions and pages. Use it once.

    The SQL is the repository's own. Values from callers are parameters.
    """

    def __init__(self, columns: str, table: str) -> None:
        self._columns = columns
        self._table = table
        self._conditions: list[str] = []
        self.values: list[object] = []
        """The parameters of `sql`."""

    @property
    def sql(self) -> str:
        """The statement without order and limit."""
        return (
            f"SELECT {self._columns} FROM {self._table}"  # noqa: S608  # the repository's own names
            f"{' WHERE ' if self._conditions else ''}{' AND '.join(self._conditions)}"
        )

    def where(self, condition: str, *values: object) -> None:
        """Add a condition. `{}` stands for each value."""
        self._conditions.append(self._placed(condition, values))

    def compute(self, name: str, expression: str, *values: object) -> None:
        """Add a column that an order may name. `{}` stands for each value of its expression."""
        placed = self._placed(expression, values)
        self._columns += f", {name}"
        self._table += f" CROSS JOIN LATERAL (SELECT {placed} AS {name}) AS computed"

    def equal(self, column: str, value: object) -> None:
        """Select rows with this value in the column; None selects rows without one."""
        if value is None:
            self.where(f"{column} IS NULL")
        else:
            self.where(f"{column} = {{}}", value)

    def between(self, column: str, first: str | None, end: str | None) -> None:
        """Select rows whose timestamp is at or after `first` and before `end`: RFC 3339 in UTC."""
        for comparison, moment in ((">=", first), ("<", end)):
            if moment is not None:
                self.where(f"{column} {comparison} {{}}", datetime.fromisoformat(moment))

    async def page(self, database: Statements, order: Order, page: Page) -> tuple[list[Record], str | None]:
        """The rows of the page, and the cursor of the next one, or None.

        Raises InvalidCursor for a cursor of another list, order or filters.
        """
        if page.cursor is not None:
            self._begin_behind(order, _position(order, page.cursor, page.scope))
        by = zip(order.columns, order.directions, strict=True)
        sorting = ", ".join(f"{column} DESC" if descending else column for column, descending in by)
        rows = await database.fetch(
            f"{self.sql} ORDER BY {sorting} LIMIT ${len(self.values) + 1}",
            *self.values,
            page.limit + 1,  # one extra row shows that there is another page
        )
        if len(rows) <= page.limit:
            return rows, None
        rows.pop()
        return rows, write([rows[-1][column] for column in order.columns], page.scope)

    def _begin_behind(self, order: Order, position: tuple[object, ...]) -> None:
        """Select the rows behind the position. Where all columns have one direction, an index can seek by the row."""
        if len({*order.directions}) == 1:
            places = ", ".join("{}" for _ in position)
            self.where(f"({', '.join(order.columns)}) {'<' if order.directions[0] else '>'} ({places})", *position)
            return
        *leading, last = zip(order.columns, ("<" if one else ">" for one in order.directions), position, strict=True)
        condition, values = f"{last[0]} {last[1]} {{}}", [last[2]]
        for column, than, value in reversed(leading):
            condition = f"{column} {than}= {{}} AND ({column} {than} {{}} OR {condition})"
            values = [value, value, *values]
        self.where(condition, *values)

    def _placed(self, text: str, values: tuple[object, ...]) -> str:
        """The text with a parameter for each value."""
        first = len(self.values) + 1
        self.values += values
        return text.format(*(f"${number}" for number in range(first, first + len(values))))


def _position(order: Order, cursor: str, scope: bytes) -> tuple[object, ...]:
    """The values in a cursor. Whoever reads the code can make a checksum, so their types are checked too."""
    try:
        position: tuple[object, ...] = order.position.validate_json(read(cursor, scope))
    except ValueError as error:
        raise InvalidCursor("not a cursor") from error
    return position
