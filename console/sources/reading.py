"""Reads JSON of strangers, and searches texts, for every page alike."""

import json
from collections.abc import Iterable
from typing import Any


def json_or(text: bytes, otherwise: Any) -> Any:  # noqa: ANN401  # any JSON
    """The JSON in a text, or something else if there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def contains(parts: Iterable[str], wanted: str) -> bool:
    """Whether one of the parts has the wanted text, in any case. Nothing is in every part."""
    return not wanted or any(wanted.lower() in part.lower() for part in parts)
