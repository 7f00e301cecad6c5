"""Keyset pagination: a cursor names the last row seen, so that a deep page costs no more than the first."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from pydantic import TypeAdapter

from providers.errors import InvalidCursor
from providers.postgres.database import Statements

_CHECKSUM = 8  # bytes


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
        self._values: list[object] = []

    def where(self, condition: str, *values: object) -> None:
        """Add a condition. `{}` stands for each value."""
        first = len(self._values) + 1
        self._conditions.append(condition.format(*(f"${number}" for number in range(first, first + len(values)))))
        self._values += values

    def equal(self, column: str, value: object) -> None:
        """Select rows with this value in the column; None selects rows without one."""
        if value is None:
            self.where(f"{column} IS NULL")
        else:
            self.where(f"{column} = {{}}", value)

    async def page(
        self, database: Statements, order: Order, limit: int, cursor: str | None
    ) -> tuple[list[Record], str | None]:
        """Up to `limit` rows after the cursor, and the cursor of the next page, or None.

        Raises InvalidCursor for a cursor of another list, order or filters.
        """
        columns = ", ".join(order.columns)
        scope = self._scope(order)
        if cursor is not None:
            position = _read(cursor, scope, order)
            places = ", ".join("{}" for _ in position)
            self.where(f"({columns}) {'<' if order.descending else '>'} ({places})", *position)
        rows = await database.fetch(
            f"SELECT {self._columns} FROM {self._table}"  # noqa: S608  # the repository's own names
            f"{' WHERE ' if self._conditions else ''}{' AND '.join(self._conditions)}"
            f" ORDER BY {', '.join(f'{column} DESC' if order.descending else column for column in order.columns)}"
            f" LIMIT ${len(self._values) + 1}",
            *self._values,
            limit + 1,  # one extra row shows that there is another page
        )
        if len(rows) <= limit:
            return rows, None
        rows.pop()
        return rows, _write([rows[-1][column] for column in order.columns], scope)

    def _scope(self, order: Order) -> bytes:
        """What a cursor is valid for: this table, these conditions and this order."""
        return json.dumps(
            [self._table, self._conditions, self._values, order.columns, order.descending], default=str
        ).encode()


def _write(position: list[object], scope: bytes) -> str:
    """The position as base64url: a checksum of eight bytes over position and scope, then compact JSON.

    The checksum prevents mistaken use elsewhere. It is no signature: a cursor can be forged.
    """
    body = json.dumps(position, default=str, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(body, scope) + body).decode().rstrip("=")


def _read(cursor: str, scope: bytes, order: Order) -> tuple[object, ...]:
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        checksum, body = data[:_CHECKSUM], data[_CHECKSUM:]
        if checksum != _checksum(body, scope):
            raise InvalidCursor("the cursor belongs to another list, order or filter")
        position: tuple[object, ...] = order.position.validate_json(body)
    except ValueError as error:  # not base64, or forged: a valid checksum with an invalid position
        raise InvalidCursor("not a cursor") from error
    return position


def _checksum(body: bytes, scope: bytes) -> bytes:
    return hashlib.blake2b(body + b"\n" + scope, digest_size=_CHECKSUM, person=b"cursor").digest()
