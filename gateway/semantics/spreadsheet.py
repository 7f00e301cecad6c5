"""Keeps spreadsheets from running the text of a cell (OWASP, CSV injection), and reads such text back."""

import re
from typing import Final

_FORMULA: Final = r"(?:[\s\x00]*[=+\-@＝＋－＠]|[\t\r\n])"  # noqa: RUF001  # wide forms count too
_TO_MARK: Final = re.compile(rf"'*{_FORMULA}")
"""A text that already has apostrophes gets one more: otherwise it would lose one of its own when it is read back."""
_MARKED: Final = re.compile(rf"'+{_FORMULA}")


def neutralised(text: str) -> str:
    """The text as a cell: what a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{text}" if _TO_MARK.match(text) else text


def restored(cell: str) -> str:
    """The text of a cell, without the apostrophe that `neutralised` put there."""
    return cell[1:] if _MARKED.match(cell) else cell
