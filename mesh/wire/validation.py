"""What is wrong with a payload, said so that nothing of what was sent is repeated."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from mesh.core.errors import FieldError, Invalid

MOST_FIELD_ERRORS: Final = 20
_MOST_MISTAKES = 1000
"""Of a payload, to be told at all: to describe the thousands that some bodies have takes longer than to find them."""
_LONGEST_FIELD = 100


def invalid_payload(error: ValidationError) -> Invalid:
    """A payload that does not fit, with each wrong field named and nothing of what was sent repeated."""
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
    """What pydantic says of a value; a validator's own words without its introduction."""
    said: str = error["msg"]
    return said.removeprefix("Value error, ")


def field_path(parts: Iterable[str | int]) -> str:
    """A field's way through a payload: `patch.city`, `customer_ids.3`; unprintable characters are shown escaped."""
    path = ".".join(map(str, parts))[:_LONGEST_FIELD]
    return path if path.isprintable() else path.encode("unicode_escape").decode()
