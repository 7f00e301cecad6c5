"""How the shapes of HTTP are made from those of NATS, and the other way round."""

import re
from typing import Annotated, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.base import MONEY_PATTERN, MONEY_SCHEMA, TOTAL_PATTERN, TOTAL_SCHEMA, Cursor, Limit

ContractT = TypeVar("ContractT", bound=BaseModel)

_WHOLE_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Shown(BaseModel, Generic[ContractT]):
    """What HTTP shows of a reply: the fields that are named here, and no others, read straight from the wire.

    So the two may change apart. A test holds that each field is its contract's.
    """

    # What a worker may leave out is shown all the same: OpenAPI says that it is there.
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


def _in_digits(value: object) -> object:
    if isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value):
        raise ValueError("must be a whole number, in digits")
    return value


def _true_or_false(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value


def is_day(value: object) -> object:
    """The value, unless it is a text that is no day: pydantic would also read Unix times and midnights."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("must be a day, such as 2026-07-01")
    return value


InDigits: Final = BeforeValidator(_in_digits)
"""For a number in a path or a query: pydantic would also read `1.0`, `+1` and `1_0`."""
Flag = Annotated[bool, BeforeValidator(_true_or_false)]
"""A truth value in a query: pydantic would also read `yes`, `t` and `on`."""

MoneyShown = Annotated[str, Field(pattern=MONEY_PATTERN), MONEY_SCHEMA]
"""An amount as it came: nobody calculates with it here."""
TotalShown = Annotated[str, Field(pattern=TOTAL_PATTERN), TOTAL_SCHEMA]
"""A sum of amounts as it came."""
PageLimit = Annotated[Limit, InDigits]
"""The most items of a page."""
PageCursor = Annotated[Cursor | None, Field(description="`next_cursor` of the page before.")]


class Query(BaseModel):
    """The query parameters of a list: read from text, and none beyond those that are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
