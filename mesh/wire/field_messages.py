"""What people read about a wrong field: our words for pydantic's errors, without a pattern or a name of pydantic's."""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic_core.core_schema import ErrorType

from mesh.wire.field_reasons import FieldReason, field_reason

_BY_TYPE: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number, in digits",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be an amount, as text",
    "decimal_parsing": "must be an amount, in digits",
    "date_type": "must be a day, as text such as 2026-12-01",
    "date_parsing": "is not a day of the calendar",
    "date_from_datetime_parsing": "is not a day of the calendar",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "none_required": "must be null",
    "string_too_short": "must be at least {min_length} characters",
    "string_too_long": "must be at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be one of: {expected}",
    "enum": "must be one of: {expected}",
    "string_unicode": "must be valid Unicode",
}
"""By pydantic's type of error. The names in braces are pydantic's."""
_BY_REASON: Final[Mapping[FieldReason, str]] = {
    FieldReason.REQUIRED: "is required",
    FieldReason.UNKNOWN_FIELD: "is not a known field",
    FieldReason.WRONG_TYPE: "has the wrong type",
    FieldReason.PATTERN: "does not have the required form",
    FieldReason.TOO_SHORT: "is too short",
    FieldReason.TOO_LONG: "is too long",
    FieldReason.TOO_FEW: "has too few items",
    FieldReason.TOO_MANY: "has too many items",
    FieldReason.TOO_SMALL: "is too small",
    FieldReason.TOO_LARGE: "is too large",
    FieldReason.NOT_ALLOWED: "is not one of the allowed values",
    FieldReason.INVALID: "is not valid",
}
"""For every other type of error."""
_OF_PYDANTIC: Final = frozenset(get_args(ErrorType))
_PLACE: Final = re.compile(r"line \d+ column \d+")
_ONE: Final = {"string_too_short": "must not be empty", "too_short": "must not be empty"}
"""Where the least is one."""


def message(error: Mapping[str, Any]) -> str:
    """What is wrong, as the rest of a sentence that begins with the name of the field."""
    kind = error["type"]
    if kind not in _OF_PYDANTIC:
        said: str = error["msg"]  # a contract's own words
        return said
    if kind == "json_invalid":
        place = _PLACE.search(error["msg"])
        return f"the JSON is malformed: {place[0]}" if place else "the JSON is malformed"
    context = error.get("ctx", {})
    if kind in {"value_error", "assertion_error"} and (own := str(context.get("error", ""))):
        return own
    if kind in _ONE and context.get("min_length") == 1:
        return _ONE[kind]
    template = _BY_TYPE.get(kind)
    if template is None:
        return _BY_REASON.get(field_reason(error), _BY_REASON[FieldReason.INVALID])
    return template.format_map({name: str(value).replace("'", "") for name, value in context.items()})
