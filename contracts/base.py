"""The building blocks of contracts: strict requests, tolerant replies, bounded text, exact money."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Self, TypeVar

from annotated_types import GroupedMetadata
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

# RE2 has no escape for code points above U+00FF that ECMAScript has too: there the characters stand themselves.
BARE: Final = r"\x00-\x20\x7f-\xa0" "\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Inside brackets of a regular expression: controls and white space, by code point. `\\s` differs between languages."""
_SAYS_SOMETHING = rf"^[^\x00]*[^{BARE}][^\x00]*$"  # NUL: PostgreSQL's text cannot hold it
_NOT_BLANK: Final = "must not be blank or contain the character NUL"
# Characters that show nothing by themselves: white space, controls, marks without a letter, Unicode's
# Default_Ignorable_Code_Point, and others that are blank despite their category. They are not in the pattern, which
# readers of the JSON schema in other languages must understand.
_BLANK_CATEGORIES = {"Zs", "Zl", "Zp", "Cc", "Cs", "Mn", "Mc", "Me"}
_BLANK = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LARGEST_INTEGER = 2**31 - 1

MONEY_PATTERN: Final = r"^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$"
"""ASCII digits only: in pydantic's regular expressions, \\d matches digits of every script."""
TOTAL_PATTERN: Final = r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$"
"""The same for a sum of amounts, which has more digits."""
VALUE_PATTERN: Final = r"^(0|[1-9][0-9]{0,29})(\.[0-9]{1,2})?$"
"""The same for a sum over all goods in stock."""
_MONEY = re.compile(MONEY_PATTERN)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Reason(StrEnum):
    """Why an endpoint refuses. Each member is `code, name`, and equals its name.

    The code is one of docs/reference/wire.md: an endpoint cannot declare a reason with another one. The name is for
    programs.
    """

    code: str
    _value_: str

    def __new__(cls, code: str, name: str) -> Self:
        """Make the text `name` a member with the code."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.code = code
        return reason


class Request(BaseModel):
    """The arguments of a request: exact types and no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Patch(Request):
    """A change of some fields. An omitted field stays as it is; null clears a field."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Also where a class has a `json_schema_extra` of its own, which would replace one of this class."""
        made = handler(schema)
        handler.resolve_ref_schema(made)["minProperties"] = 1
        return made

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("too_few", "must name at least one field to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields to change, by name."""
        return self.model_dump(exclude_unset=True)


class Reply(BaseModel):
    """A reply or a part of one. Readers ignore unknown fields."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a text: a pattern for programs, and words for people who did not keep to it."""

    pattern: str
    words: str
    """Continues the name of the field: `must be five capital letters`."""
    shortest: int | None = None
    """Code points."""
    longest: int | None = None
    """Code points."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """The same checks as StringConstraints, also without a Python function."""
        sized = core_schema.str_schema(min_length=self.shortest, max_length=self.longest)
        patterned = core_schema.str_schema(pattern=self.pattern)
        formed = core_schema.custom_error_schema(patterned, "pattern", custom_error_message=self.words)
        return core_schema.chain_schema([sized, formed])

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The same as of StringConstraints."""
        whole = core_schema.str_schema(pattern=self.pattern, min_length=self.shortest, max_length=self.longest)
        return handler(whole)


@dataclass(frozen=True, slots=True)
class _Text(GroupedMetadata):
    """A text that must not look blank."""

    longest: int

    def __iter__(self) -> Iterator[Any]:
        yield Form(_SAYS_SOMETHING, _NOT_BLANK, 1, self.longest)
        yield AfterValidator(_not_blank)


def _not_blank(text: str) -> str:
    if "!" <= text[0] <= "~":  # most texts, without a look at each character
        return text
    if all(unicodedata.category(c) in _BLANK_CATEGORIES or _BLANK.match(c) for c in text):
        raise PydanticCustomError("pattern", _NOT_BLANK)
    return text


def text(longest: int) -> Any:  # noqa: ANN401  # an annotation's metadata has no better type
    """Metadata for a text of at most `longest` code points that is not blank and has no NUL."""
    return _Text(longest)


def _not_empty(items: Any) -> Any:  # noqa: ANN401  # any tuple
    if not items:
        raise PydanticKnownError("too_short", {"field_type": "Tuple", "min_length": 1, "actual_length": 0})
    return items


def many(most: int) -> Any:  # noqa: ANN401  # as above
    """Metadata for a tuple of 1 to `most` items. Reading stops at the first wrong item."""
    return Field(strict=False, max_length=most, fail_fast=True, json_schema_extra={"minItems": 1})


# pydantic's own min_length counts items that were read, and so would call a tuple with a wrong first item empty.
NOT_EMPTY: Final = AfterValidator(_not_empty)


def absent() -> Any:  # noqa: ANN401  # stands for a default of any type
    """A patch field that may be omitted. It may be null only if its type says so."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _money_as_text(value: object) -> object:
    if isinstance(value, Decimal) or (isinstance(value, str) and _MONEY.fullmatch(value)):
        return value
    if isinstance(value, str):
        raise PydanticCustomError("pattern", "must be an amount such as 18.00: digits, with at most two decimals")
    raise PydanticKnownError("string_type")


def _day(value: object) -> object:
    if (isinstance(value, str) and _DAY.fullmatch(value)) or type(value) is date:
        return value
    if isinstance(value, str):
        raise PydanticCustomError("pattern", "must be a day such as 2026-12-01")
    raise PydanticKnownError("date_type")


def _read_by(pattern: str) -> GetPydanticSchema:
    """Metadata for a decimal that is read from a text of this pattern."""

    def schema(_source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        parsed = core_schema.chain_schema([core_schema.str_schema(pattern=pattern), handler(Decimal)])
        either = core_schema.union_schema([core_schema.is_instance_schema(Decimal), parsed], mode="left_to_right")
        return core_schema.json_or_python_schema(
            json_schema=parsed, python_schema=either, serialization=core_schema.to_string_ser_schema()
        )

    return GetPydanticSchema(schema)


MONEY_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": MONEY_PATTERN, "examples": ["18.00"]})
TOTAL_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": TOTAL_PATTERN, "examples": ["440.00"]})
VALUE_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": VALUE_PATTERN, "examples": ["74050.85"]})

Money = Annotated[
    Decimal,
    Field(strict=False, ge=0, max_digits=10, decimal_places=2),
    BeforeValidator(_money_as_text),
    MONEY_SCHEMA,
]
"""An amount in the catalogue's currency: a decimal string on the wire, never a binary fraction."""
MoneyRead = Annotated[Decimal, _read_by(MONEY_PATTERN), MONEY_SCHEMA]
"""The same in a reply. It reports no details of an error, and is read in half the time."""
TotalRead = Annotated[Decimal, _read_by(TOTAL_PATTERN), TOTAL_SCHEMA]
"""A sum of amounts in a reply."""
ValueRead = Annotated[Decimal, _read_by(VALUE_PATTERN), VALUE_SCHEMA]
"""The value of goods in stock in a reply."""

Day = Annotated[date, Field(strict=False), BeforeValidator(_day)]
"""A day, `YYYY-MM-DD`. pydantic alone also reads a number of seconds."""

_YEAR: Final = "[12][0-9]{3}"
_LEAP_YEAR: Final = "([12][0-9](0[48]|[2468][048]|[13579][26])|(1[26]|2[048])00)"
_DATES: Final = (
    f"{_YEAR}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])",
    f"{_YEAR}-(0[469]|11)-(0[1-9]|[12][0-9]|30)",
    f"{_YEAR}-02-(0[1-9]|1[0-9]|2[0-8])",
    f"{_LEAP_YEAR}-02-29",
)
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
Timestamp = Annotated[
    str, Form(f"^({'|'.join(_DATES)})T{_TIME}Z$", "must be a timestamp in UTC such as 2026-12-01T08:30:00Z")
]
"""A timestamp in a request, RFC 3339 in UTC, of the years 1000 to 2999. It stays the text that cursors depend on.

The pattern refuses days that do not exist, so that a schema does too.
"""

Id = Annotated[int, Field(ge=1, le=_LARGEST_INTEGER)]
Count = Annotated[int, Field(ge=0, le=_LARGEST_INTEGER)]
Version = Annotated[int, Field(ge=1, le=_LARGEST_INTEGER)]
"""Grows by one with each change of a row."""

MOST_SORT_KEYS: Final = 3
"""Fields that a list is sorted by."""


def sort_keys(single: Iterable[str], alone: str | None = None) -> Form:
    """The form of a `sort`: up to MOST_SORT_KEYS different fields with commas between them, or the order `alone`.

    `single` has the orders by one field, each with and without `-`. The pattern says all of it, so that a schema does
    too: it refuses a field that is named twice.
    """
    fields = tuple(dict.fromkeys(one.removeprefix("-") for one in single if one != alone))
    pattern = _one_of(fields, MOST_SORT_KEYS) + ("" if alone is None else f"|{alone}")
    words = (
        f"must be 1 to {MOST_SORT_KEYS} of {', '.join(fields)}, each once and perhaps behind `-`, with commas between"
    )
    return Form(f"^({pattern})$", words if alone is None else f"{words}; or {alone}")


def _one_of(fields: tuple[str, ...], most: int) -> str:
    """The pattern of one of the fields, and of up to `most` - 1 of the others behind it."""
    if most == 1:
        return f"-?({'|'.join(fields)})"
    others = {one: tuple(other for other in fields if other != one) for one in fields}
    return f"-?({'|'.join(f'{one}(,{_one_of(rest, most - 1)})?' for one, rest in others.items())})"


Search = Annotated[str, text(100)]
_CURSOR_PATTERN: Final = r"^[A-Za-z0-9_-]+$"
_CURSOR_WORDS: Final = "must be a `next_cursor` as received"
Cursor = Annotated[str, Form(_CURSOR_PATTERN, _CURSOR_WORDS, 1, 1024)]
"""Where the next page starts. Opaque, and valid only for the list that returned it."""
LongCursor = Annotated[str, Form(_CURSOR_PATTERN, _CURSOR_WORDS, 1, 3072)]
"""The same for a list that is sorted by three texts of up to 160 code points, each of up to 4 bytes."""
LONGEST_PAGE: Final = 200
Limit = Annotated[int, Field(ge=1, le=LONGEST_PAGE)]
_Item = TypeVar("_Item")
Items = Annotated[tuple[_Item, ...], Field(max_length=LONGEST_PAGE)]
"""The items of a page, at most LONGEST_PAGE: a longer reply is refused."""
