"""The items of a list as text: CSV (RFC 4180) or NDJSON, a line for each."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from pydantic_core import from_json, to_json

from gateway.semantics.spreadsheet import neutralised


class Rows(Protocol):
    """Writes items."""

    media_type: bytes

    def head(self) -> bytes:
        """What is written first."""

    def lines(self, items: Iterable[Mapping[str, Any]]) -> bytes:
        """A line for each item."""

    def stopped(self, problem: bytes) -> bytes:
        """The last line of a list that could not be read to its end, from a problem document."""


class Csv:
    """A header row of the names, then a row for each item."""

    media_type = b"text/csv; charset=utf-8; header=present"

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def head(self) -> bytes:
        """See Rows."""
        return _rows([self._names])

    def lines(self, items: Iterable[Mapping[str, Any]]) -> bytes:
        """See Rows."""
        return _rows([_cell(item.get(name)) for name in self._names] for item in items)

    def stopped(self, problem: bytes) -> bytes:
        """See Rows: one cell that begins with `#incomplete`."""
        said = from_json(problem)
        return _rows([[f"#incomplete: {said['reason']}: {said['detail']}"]])


class NdJson:
    """An object on each line."""

    media_type = b"application/x-ndjson"

    def head(self) -> bytes:
        """See Rows."""
        return b""

    def lines(self, items: Iterable[Mapping[str, Any]]) -> bytes:
        """See Rows."""
        return b"".join(to_json(item) + b"\n" for item in items)

    def stopped(self, problem: bytes) -> bytes:
        """See Rows: an object whose only member is `problem`."""
        return b'{"problem":' + problem + b"}\n"


def _rows(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """The value as text. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return neutralised(value)
        case int() | float():
            return str(value)
        case _:
            return to_json(value).decode()
