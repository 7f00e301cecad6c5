"""Keyset pagination: a cursor names the last row seen, so that a deep page costs no more than the first."""

from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from pydantic import TypeAdapter

from providers.cursor import Page, read, write
from providers.errors import InvalidCursor
from providers.postgres.database import Statements


@dataclass(frozen=True)
class Order:
    """The columns to sort by, none of them nullable and the last one unique, all ascending or all descending.

    `position`: a tuple type of the columns' types, which validates a cursor before its values reach SQL.
    """

    columns: tuple[str, ...]
    position: TypeAdapter[Any]
    descending: bool = False


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

    async def page(self, database: Statements, order: Order, page: Page) -> tuple[list[Record], str | None]:
        """The rows of the page, and the cursor of the next one, or None.

        Raises InvalidCursor for a cursor of another list, order or filters.
        """
        columns = ", ".join(order.columns)
        if page.cursor is not None:
            position = _position(order, page.cursor, page.scope)
            places = ", ".join("{}" for _ in position)
            self.where(f"({columns}) {'<' if order.descending else '>'} ({places})", *position)
        sorting = ", ".join(f"{column} DESC" if order.descending else column for column in order.columns)
        rows = await database.fetch(
            f"{self.sql} ORDER BY {sorting} LIMIT ${len(self.values) + 1}",
            *self.values,
            page.limit + 1,  # one extra row shows that there is another page
        )
        if len(rows) <= page.limit:
            return rows, None
        rows.pop()
        return rows, write([rows[-1][column] for column in order.columns], page.scope)

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
