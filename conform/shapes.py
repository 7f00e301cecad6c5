"""Holds JSON against the exported schemas, and reads JSON as strictly as wire.md does."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_INTEGER: Final = "integer"
_FORMATS: Final = FormatChecker(["date"])


class Twice(ValueError):
    """A name stands twice in an object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Twice
    return dict(pairs)


def strict(payload: bytes) -> Any:  # noqa: ANN401  # any JSON
    """The JSON. Raises Twice for a name that stands twice, ValueError for what is no JSON."""
    return json.loads(payload, object_pairs_hook=_unique)


def compact(value: object) -> bytes:
    """JSON without white space, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema), format_checker=_FORMATS)


class Shape:
    """One schema of the export."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._validator = _validator(json.dumps(schema))

    def misfits(self, value: object) -> list[str]:
        """Where a value does not fit, in words without the value."""
        return [
            f"{'.'.join(map(str, error.absolute_path)) or 'the whole'} does not fit `{error.validator}`"
            for error in self._validator.iter_errors(value)
        ]

    def fits(self, value: object) -> bool:
        """Whether a value fits. A fraction is no integer here, as in W-JSON-5."""
        return not any(isinstance(one, float) for _, one in walk(value)) and self._validator.is_valid(value)

    @property
    def required(self) -> list[str]:
        """The members that must be there."""
        return list(self.schema.get("required", []))

    @property
    def properties(self) -> Mapping[str, Any]:
        """The schema of each member."""
        return dict(self.schema.get("properties", {}))


def walk(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value below, with its path."""
    yield path, value
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in below:
        yield from walk(one, f"{path}.{name}" if path else str(name))


def times(value: object, schema: Mapping[str, Any]) -> Iterator[object]:
    """Every value that the schema calls a date-time."""
    if schema.get("format") == "date-time" and value is not None:
        yield value
    if isinstance(value, dict):
        for name, one in value.items():
            yield from times(one, schema.get("properties", {}).get(name, {}))
    if isinstance(value, list):
        for one in value:
            yield from times(one, schema.get("items", {}))
    for choice in schema.get("anyOf", ()):
        yield from times(value, choice)


def is_time(value: object) -> bool:
    """Whether it is a timestamp of W-VAL-8."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def names_of(value: object) -> set[str]:
    """Every name of every object below."""
    return {name for _, one in walk(value) if isinstance(one, dict) for name in one}


def is_snake(name: str) -> bool:
    """Whether a name is snake_case."""
    return _NAME.fullmatch(name) is not None
