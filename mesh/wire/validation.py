"""Describes the errors in a payload without repeating any of its values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from mesh.core.errors import FieldError, Invalid
from mesh.wire.field_messages import message
from mesh.wire.field_reasons import field_reason
from mesh.wire.json_text import ambiguity

MOST_FIELD_ERRORS: Final = 20
_MOST_MISTAKES = 1000
"""A payload with more mistakes than this is refused without describing them: that takes longer than finding them."""
_LONGEST_FIELD = 100


def invalid_payload(error: ValidationError, payload: bytes) -> Invalid:
    """The fault for an invalid payload; it names each invalid field and repeats no value."""
    if (mistakes := error.error_count()) > _MOST_MISTAKES:
        return Invalid("invalid_payload", f"the payload has {mistakes} mistakes")
    found = error.errors(include_url=False, include_input=False)[:MOST_FIELD_ERRORS]
    if found[0]["type"] == "json_invalid":
        return Invalid("malformed_json", message(found[0]))
    if (ambiguous := ambiguity(payload)) is not None:
        return ambiguous
    errors = [field_error(one, one["loc"]) for one in found]
    names = ", ".join(dict.fromkeys(one.field for one in errors if one.field))
    return Invalid("invalid_payload", f"the payload does not fit: {names}" if names else errors[0].message, errors)


def field_error(error: Mapping[str, Any], path: Sequence[str | int]) -> FieldError:
    """One of pydantic's errors in our words."""
    return FieldError(field=field_path(path), reason=field_reason(error), message=message(error))


def field_path(parts: Iterable[str | int]) -> str:
    """The path of a field: `patch.city`, `customer_ids.3`; unprintable characters are escaped."""
    path = ".".join(map(str, parts))[:_LONGEST_FIELD]
    return path if path.isprintable() else path.encode("unicode_escape").decode()
