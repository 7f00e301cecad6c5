"""Folds text by folding_table.json, as W-FOLD-2 says."""

import json
import re
from bisect import bisect_right
from pathlib import Path
from typing import Any, Final

_HANGUL: Final = 0xAC00
_LAST_HANGUL: Final = 0xD7A3


class Folding:
    """The fold of texts."""

    def __init__(self, vectors: Path) -> None:
        table: dict[str, Any] = json.loads((vectors / "folding_table.json").read_bytes())
        ranges = [(*map(_number, one), "") for one in table["removed"]] + [
            (*map(_number, one), " ") for one in table["spaces"]
        ]
        self._ranges: list[tuple[int, int, str]] = sorted(ranges)  # type: ignore[arg-type]  # pairs of a file
        self._starts = [one[0] for one in self._ranges]
        self._changed = {_number(key): value for key, value in table["folded"].items()}

    def fold(self, text: str) -> str:
        """The fold of a text."""
        return re.sub(" +", " ", "".join(map(self._one, text))).strip(" ")

    def _one(self, character: str) -> str:
        code = ord(character)
        if code in self._changed:
            return str(self._changed[code])
        at = bisect_right(self._starts, code) - 1
        if at >= 0 and code <= self._ranges[at][1]:
            return self._ranges[at][2]
        return _jamo(code - _HANGUL) if _HANGUL <= code <= _LAST_HANGUL else character


def _jamo(index: int) -> str:
    last = index % 28
    return chr(0x1100 + index // 588) + chr(0x1161 + index % 588 // 28) + (chr(0x11A7 + last) if last else "")


def _number(text: str) -> int:
    return int(text, 16)
