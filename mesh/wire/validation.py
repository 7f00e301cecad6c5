"""Describes the errors in a payload without repeating any of its values."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from mesh.core.errors import FieldError, Invalid

MOST_FIELD_ERRORS: Final = 20
_MOST_MISTAKES = 1000
"""A payload with more mistakes than this is refused without describing them: that takes longer than finding them."""
_LONGEST_FIELD = 100


def invalid_payload(error: ValidationError) -> Invalid:
    """The fault for an invalid payload; it names each invalid field and repeats no value."""
    if (mistakes := error.error_count()) > _MOST_MISTAKES:
        return Invalid("invalid_payload", f"the payload has {mistakes} mistakes")
    errors = [
        FieldError(field=field_path(one["loc"]), reason=one["type"], message=message(one))
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FIELD_ERRORS]
    ]
    if errors[0].reason == "json_invalid":
        return Invalid("malformed_json", errors[0].message)
    names = ", ".join(dict.fromkeys(one.field for one in errors if one.field))
    return Invalid("invalid_payload", f"the payload does not fit: {names}" if names else errors[0].message, errors)


def message(error: Mapping[str, Any]) -> str:
    """Pydantic's message, without the prefix of a custom validator's."""
    said: str = error["msg"]
    return said.removeprefix("Value error, ")


def field_path(parts: Iterable[str | int]) -> str:
    """The path of a field: `patch.city`, `customer_ids.3`; unprintable characters are escaped."""
    path = ".".join(map(str, parts))[:_LONGEST_FIELD]
    return path if path.isprintable() else path.encode("unicode_escape").decode()
