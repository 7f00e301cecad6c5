"""Prints rows in columns that stay complete on a narrow terminal."""

import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence

import typer

from mesh.core.terminal import escaped

_GAP = 2
_ROOM_TO_FOLD = 24


def print_columns(titles: Sequence[str], rows: Iterable[Sequence[str]], to_the_right: Collection[str] = ()) -> None:
    """Print a line for each row. On a terminal, the last column wraps at spaces if there is room.

    Any other long line is left to the terminal, so that it is copied as one line. Control characters are escaped.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    safe = [[escaped(cell) for cell in row] for row in rows]
    for line in _lines(titles, safe, to_the_right, width):
        typer.echo(line)


def _lines(
    titles: Sequence[str], rows: Sequence[Sequence[str]], to_the_right: Collection[str], width: int | None
) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    margin = sum(widths[:-1]) + _GAP * (len(widths) - 1)
    for row in (titles, *rows):
        cells = [
            cell.rjust(size) if title in to_the_right else cell.ljust(size)
            for title, cell, size in zip(titles, row, widths, strict=True)
        ]
        line = (" " * _GAP).join(cells).rstrip()
        if width is not None and width - margin >= _ROOM_TO_FOLD:
            yield from textwrap.wrap(line, width, subsequent_indent=" " * margin, break_on_hyphens=False)
        else:
            yield line
