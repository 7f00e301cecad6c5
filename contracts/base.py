"""The pieces that every contract is made of: strict requests, tolerant replies, bounded text, exact money."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

_SAYS_SOMETHING = r"^[^\x00]*[^\x00\s][^\x00]*$"  # NUL: PostgreSQL's text cannot hold it
# What shows nothing by itself: white space, controls, marks without a letter, Unicode's Default_Ignorable_Code_Point,
# and what is blank in spite of its category. Not in the pattern, which readers of the JSON schema in other languages
# must understand.
_BLANK_CATEGORIES = {"Zs", "Zl", "Zp", "Cc", "Cs", "Mn", "Mc", "Me"}
_BLANK = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_MONEY = re.compile(r"\d{1,8}(\.\d{1,2})?", re.ASCII)
_LARGEST_INTEGER = 2**31 - 1

MONEY_PATTERN: Final = r"^[0-9]{1,8}(\.[0-9]{1,2})?$"
"""What pydantic's own regular expressions know an amount by: there \\d would be any script's digits."""
TOTAL_PATTERN: Final = r"^[0-9]{1,13}(\.[0-9]{1,2})?$"
"""The same for a sum of amounts, which has more digits."""


class Request(BaseModel):
    """A request's arguments: exact types, and no field that the contract does not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Patch(Request):
    """A change of some fields: one that is left out stays as it is, null takes its value away."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields to change, by name."""
        return self.model_dump(exclude_unset=True)


class Reply(BaseModel):
    """A reply, or a part of one: readers pass over fields that they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Text(StringConstraints):
    """A text's constraints, and that it is not blank to the eye."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        yield AfterValidator(_not_blank)


def _not_blank(text: str) -> str:
    if all(unicodedata.category(c) in _BLANK_CATEGORIES or _BLANK.match(c) for c in text):
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": _SAYS_SOMETHING})
    return text


def text(longest: int) -> Any:  # noqa: ANN401  # an annotation's metadata has no better type
    """Metadata for a text of at most so many code points that is not blank and has no NUL in it."""
    return _Text(min_length=1, max_length=longest, pattern=_SAYS_SOMETHING)


def _not_empty(items: Any) -> Any:  # noqa: ANN401  # any tuple
    if not items:
        raise PydanticKnownError("too_short", {"field_type": "Tuple", "min_length": 1, "actual_length": 0})
    return items


def many(most: int) -> Any:  # noqa: ANN401  # as above
    """Metadata for a tuple of one to so many items, which is read up to the first wrong one."""
    return Field(strict=False, max_length=most, fail_fast=True, json_schema_extra={"minItems": 1})


# pydantic's own min_length counts what was read, and so would call a tuple empty whose first item is wrong.
NOT_EMPTY: Final = AfterValidator(_not_empty)


def absent() -> Any:  # noqa: ANN401  # stands for a default of whatever type the field has
    """A field of a patch that may be left out, yet may not be null where its type does not say so."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _money_as_text(value: object) -> object:
    if isinstance(value, Decimal) or (isinstance(value, str) and _MONEY.fullmatch(value)):
        return value
    raise ValueError('money is a string of digits with at most two decimals, such as "18.00"')


def _read_by(pattern: str) -> GetPydanticSchema:
    """Metadata for a decimal that is read from a text of this pattern."""

    def schema(_source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        parsed = core_schema.chain_schema([core_schema.str_schema(pattern=pattern), handler(Decimal)])
        either = core_schema.union_schema([core_schema.is_instance_schema(Decimal), parsed], mode="left_to_right")
        return core_schema.json_or_python_schema(
            json_schema=parsed, python_schema=either, serialization=core_schema.to_string_ser_schema()
        )

    return GetPydanticSchema(schema)


MONEY_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": rf"^{_MONEY.pattern}$", "examples": ["18.00"]})
TOTAL_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": TOTAL_PATTERN, "examples": ["440.00"]})

Money = Annotated[
    Decimal,
    Field(strict=False, ge=0, max_digits=10, decimal_places=2),
    BeforeValidator(_money_as_text),
    MONEY_SCHEMA,
]
"""An amount in the catalogue's currency: a decimal string on the wire, never a binary fraction."""
MoneyRead = Annotated[Decimal, _read_by(MONEY_PATTERN), MONEY_SCHEMA]
"""The same in a reply, where nobody needs to hear what is wrong with it: read in half the time."""
TotalRead = Annotated[Decimal, _read_by(TOTAL_PATTERN), TOTAL_SCHEMA]
"""A sum of amounts in a reply."""

Id = Annotated[int, Field(ge=1, le=_LARGEST_INTEGER)]
Count = Annotated[int, Field(ge=0, le=_LARGEST_INTEGER)]
Version = Annotated[int, Field(ge=1, le=_LARGEST_INTEGER)]
"""Grows by one with each change of a row."""

Search = Annotated[str, text(100)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[A-Za-z0-9_-]+$")]
"""Where the next page begins: opaque, and good for the list alone that gave it."""
LONGEST_PAGE: Final = 200
Limit = Annotated[int, Field(ge=1, le=LONGEST_PAGE)]
_Item = TypeVar("_Item")
Items = Annotated[tuple[_Item, ...], Field(max_length=LONGEST_PAGE)]
"""What a page holds: no reply has more, whatever a worker sends."""
