"""Cuts a body that arrives in pieces into rows: lines of NDJSON, or records of CSV (RFC 4180)."""

import re
from collections.abc import Iterator
from typing import Final

from mesh.core.errors import Fault, Invalid, TooLarge

LONGEST_ROW: Final = 16 * 1024
"""Bytes of a row, its line breaks included. The longest valid customer has some 8 KiB, however it is written."""
_BOM: Final = b"\xef\xbb\xbf"
_CELL: Final = re.compile(r'(?:"([^"]*+(?:""[^"]*+)*)"|([^",\r\n]*+))(,|\Z)')
"""A quoted or a plain cell, and what ends it. A cell has one way to match: matching is linear."""


class Records:
    """The rows of a body. It keeps no more than one row and one piece of the body.

    `quoted`: whether a line break between quotation marks belongs to a row, as in CSV. Empty lines are no rows.
    """

    def __init__(self, *, quoted: bool) -> None:
        self._quoted = quoted
        self._rest = b""
        self._read = 0
        """Bytes of `_rest` that are known to have no end of a row."""
        self._marks = 0
        """Quotation marks among them."""
        self.line = 1
        """The number of the line where the next row begins."""

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """The rows that this piece completes, each with the number of its first line. Raises TooLarge."""
        self._rest = (self._rest + piece).removeprefix(_BOM) if self._is_first(piece) else self._rest + piece
        begin = 0
        while (end := self._end_of_row()) >= 0:
            yield from self._row(self._rest[begin:end])
            begin = end + 1
        self._rest = self._rest[begin:]
        self._read -= begin
        if len(self._rest) > LONGEST_ROW:
            raise self._too_long()

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The last row, if no line break ends it. Raises Invalid if it ends between quotation marks."""
        if self._quoted and self._rest.count(b'"') % 2:
            raise malformed_csv(self.line, "a quotation mark is not closed")
        yield from self._row(self._rest)

    def _is_first(self, piece: bytes) -> bool:
        return self.line == 1 and bool(piece) and len(self._rest) < len(_BOM)

    def _end_of_row(self) -> int:
        """The position of the line break that ends the row, or -1."""
        while (found := self._rest.find(b"\n", self._read)) >= 0:
            if self._quoted:
                self._marks += self._rest.count(b'"', self._read, found)
            self._read = found + 1
            if self._marks % 2 == 0:
                self._marks = 0
                return found
        return -1

    def _row(self, row: bytes) -> Iterator[tuple[int, bytes]]:
        if len(row) > LONGEST_ROW:
            raise self._too_long()
        line = self.line
        self.line += row.count(b"\n") + 1
        if row := row.removesuffix(b"\r"):
            yield line, row

    def _too_long(self) -> Fault:
        return TooLarge("row_too_long", f"line {self.line}: a row has at most {LONGEST_ROW} bytes")


def cells_of(line: int, row: bytes) -> list[str]:
    """The cells of a record of CSV. Raises Invalid."""
    try:
        text = row.decode()
    except UnicodeDecodeError:
        raise malformed_csv(line, "the text is not UTF-8") from None
    if '"' not in text and "\r" not in text:
        return text.split(",")
    cells = []
    at, more = 0, True
    while more:
        cell = _CELL.match(text, at)
        if cell is None:
            raise malformed_csv(line, "a cell with a quotation mark or a line break must be quoted as a whole")
        cells.append(cell[2] if cell[1] is None else cell[1].replace('""', '"'))
        at, more = cell.end(), cell[3] == ","
    return cells


def malformed_csv(line: int, why: str) -> Invalid:
    """The fault for a body after which the limits of its rows are not known."""
    return Invalid("malformed_csv", f"line {line}: {why}")
