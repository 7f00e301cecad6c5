"""How HTTP schemas are built from the contracts, and requests from HTTP schemas."""

import re
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.config import JsonDict
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from contracts.base import (
    MONEY_PATTERN,
    MONEY_SCHEMA,
    TOTAL_PATTERN,
    TOTAL_SCHEMA,
    VALUE_PATTERN,
    VALUE_SCHEMA,
    Count,
    Cursor,
    Limit,
    LongCursor,
    Timestamp,
)

ContractT = TypeVar("ContractT", bound=BaseModel)

_WHOLE_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)


class Shown(BaseModel, Generic[ContractT]):
    """The fields of a reply that HTTP shows, read directly from the wire.

    HTTP and contract can change independently. A test checks that each field is one of its contract.
    """

    # A field that a worker may omit is always present over HTTP, and OpenAPI says so.
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


def _in_digits(value: object) -> object:
    if isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value):
        raise PydanticCustomError("wrong_type", "must be a whole number, in digits")
    return value


def _true_or_false(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("wrong_type", "must be true or false")
    return value


InDigits: Final = BeforeValidator(_in_digits)
"""For a number in a path or query: pydantic would also read `1.0`, `+1` and `1_0`."""


class AnyCase:
    """For a key in a path: small letters are read as capitals. Without a Python function: it is on the hot path."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """ASCII alone: other letters may become several capitals."""
        return core_schema.chain_schema([core_schema.str_schema(pattern=r"^[ -~]*$", to_upper=True), handler(source)])

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:  # noqa: ANN401  # a core schema of this kind
        """That of the key."""
        return handler(schema["steps"][-1])


Flag = Annotated[bool, BeforeValidator(_true_or_false)]
"""A boolean in a query: pydantic would also read `yes`, `t` and `on`."""

MoneyShown = Annotated[str, Field(pattern=MONEY_PATTERN), MONEY_SCHEMA]
"""An amount as received: the gateway does not calculate."""
TotalShown = Annotated[str, Field(pattern=TOTAL_PATTERN), TOTAL_SCHEMA]
"""A sum of amounts as received."""
ValueShown = Annotated[str, Field(pattern=VALUE_PATTERN), VALUE_SCHEMA]
"""The value of goods in stock as received."""
PageLimit = Annotated[Limit, InDigits]
"""The maximum number of items in a page."""
_OF_A_PAGE: Final = Field(description="`next_cursor` of the previous page.")
PageCursor = Annotated[Cursor | None, _OF_A_PAGE]
LongPageCursor = Annotated[LongCursor | None, _OF_A_PAGE]
CreatedAfter = Annotated[Timestamp | None, Field(description="Created at this moment or later.")]
CreatedBefore = Annotated[Timestamp | None, Field(description="Created before this moment.")]
UpdatedAfter = Annotated[Timestamp | None, Field(description="Changed last at this moment or later.")]
UpdatedBefore = Annotated[Timestamp | None, Field(description="Changed last before this moment.")]
WithTotal = Annotated[
    Flag,
    Field(
        description="`X-Total-Count` has the number of matching items on all pages: exact up to 10,000, or else an"
        " estimate, marked by `X-Total-Count-Estimated`."
    ),
]
"""Whether a list is counted."""
Total = Annotated[Count | None, Field(exclude=True)]
"""The number of items on all pages. HTTP has it in a header (`gateway.routing.paging`)."""
TotalEstimated = Annotated[bool, Field(exclude=True)]
"""Whether that number is an estimate."""


DATES_SHOWN: Final[JsonDict] = {"created_at": "2026-12-01T08:30:00Z", "updated_at": "2026-12-01T08:30:00Z"}
"""For the example of a row."""


class Query(BaseModel):
    """The query parameters of a list, parsed from text. Unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
