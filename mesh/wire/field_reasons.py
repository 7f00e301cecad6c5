"""The reasons in a problem's `errors[]`: words of the contract, so that a worker in any language can say them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self


class FieldReason(StrEnum):
    """Why a field is refused. Each member is `name, meaning`, and equals its name."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """Make the text `name` a member with the meaning."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.meaning = meaning
        return reason

    REQUIRED = "required", "The field is missing."
    UNKNOWN_FIELD = "unknown_field", "The contract has no such field."
    WRONG_TYPE = "wrong_type", "The value has another JSON type, or is a number that is not written as an integer."
    PATTERN = "pattern", "The text does not have the form of the field: its pattern, a date, an amount."
    TOO_SHORT = "too_short", "The text has too few code points."
    TOO_LONG = "too_long", "The text has too many code points."
    TOO_FEW = "too_few", "The list or object has too few members."
    TOO_MANY = "too_many", "The list or object has too many members."
    TOO_SMALL = "too_small", "The number is below the least allowed one."
    TOO_LARGE = "too_large", "The number is above the largest allowed one."
    NOT_ALLOWED = "not_allowed", "The value is not one of the field's list of values."
    GIVEN_TWICE = "given_twice", "The query parameter is given more than once (HTTP only)."
    MALFORMED_TEXT = "malformed_text", "The query parameter is not UTF-8 (HTTP only)."
    READ_ONLY = (
        "read_only",
        "The field cannot be changed, and its value is not the current one (HTTP and imports only).",
    )
    INVALID_HEADER = "invalid_header", "The header does not have its form, or is there twice."
    INVALID = "invalid", "The value breaks another rule of the field; `message` says which."


_OF_PYDANTIC: Final[Mapping[FieldReason, str]] = {
    FieldReason.REQUIRED: "missing missing_argument missing_keyword_only_argument missing_positional_only_argument",
    FieldReason.UNKNOWN_FIELD: "extra_forbidden unexpected_keyword_argument unexpected_positional_argument invalid_key",
    FieldReason.WRONG_TYPE: "json_type none_required model_type model_attributes_type dataclass_type "
    "dataclass_exact_type named_tuple_type iterable_type string_type dict_type frozen_dict_type ordered_dict_type "
    "counter_type mapping_type list_type deque_type tuple_type set_type frozen_set_type bool_type bool_parsing "
    "int_type int_parsing int_parsing_size int_from_float float_type float_parsing finite_number bytes_type date_type "
    "time_type datetime_type time_delta_type url_type uuid_type decimal_type decimal_parsing "
    "fraction_type fraction_parsing complex_type complex_str_parsing arguments_type",
    FieldReason.PATTERN: "string_pattern_mismatch string_unicode string_not_ascii bytes_invalid_encoding date_parsing "
    "date_from_datetime_parsing date_from_datetime_inexact time_parsing datetime_parsing datetime_object_invalid "
    "datetime_from_date_parsing timezone_naive timezone_aware timezone_offset time_delta_parsing url_parsing "
    "url_syntax_violation url_scheme uuid_parsing uuid_version decimal_max_digits decimal_max_places "
    "decimal_whole_digits",
    FieldReason.TOO_SHORT: "string_too_short bytes_too_short",
    FieldReason.TOO_LONG: "string_too_long bytes_too_long url_too_long",
    FieldReason.TOO_FEW: "too_short",
    FieldReason.TOO_MANY: "too_long",
    FieldReason.TOO_SMALL: "greater_than greater_than_equal date_future datetime_future",
    FieldReason.TOO_LARGE: "less_than less_than_equal date_past datetime_past",
    FieldReason.NOT_ALLOWED: "enum literal_error union_tag_invalid union_tag_not_found",
    FieldReason.INVALID: "value_error assertion_error multiple_of",
}
"""The error types of pydantic that JSON, a query, a path or a header can cause."""
_BY_TYPE: Final = {kind: reason for reason, kinds in _OF_PYDANTIC.items() for kind in kinds.split()}
_OWN: Final = {reason.value: reason for reason in FieldReason}


def field_reason(error: Mapping[str, Any]) -> FieldReason:
    """The reason for one of pydantic's errors. A contract's own error has a reason as its type."""
    kind = error["type"]
    return _BY_TYPE.get(kind) or _OWN.get(kind, FieldReason.INVALID)
