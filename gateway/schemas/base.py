"""How the shapes of HTTP are made from those of NATS, and the other way round."""

import re
from typing import Annotated, Final, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.base import Cursor, Limit

ContractT = TypeVar("ContractT", bound=BaseModel)

_WHOLE_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)


class Shown(BaseModel, Generic[ContractT]):
    """What HTTP shows of a reply: the fields that are named here, and no others.

    The two may change apart; a field whose name or meaning parts from the contract's is converted in `from_contract`.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def from_contract(cls, contract: ContractT) -> Self:
        """The reply as HTTP shows it."""
        return cls.model_validate(vars(contract))  # at half the cost of asking it for each attribute


def _in_digits(value: object) -> object:
    if isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value):
        raise ValueError("must be a whole number, in digits")
    return value


def _true_or_false(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value


InDigits: Final = BeforeValidator(_in_digits)
"""For a number in a path or a query: pydantic would also read `1.0`, `+1` and `1_0`."""
Flag = Annotated[bool, BeforeValidator(_true_or_false)]
"""A truth value in a query: pydantic would also read `yes`, `t` and `on`."""

PageLimit = Annotated[Limit, InDigits]
"""The most items of a page."""
PageCursor = Annotated[Cursor | None, Field(description="`next_cursor` of the page before.")]


class Query(BaseModel):
    """The query parameters of a list: read from text, and none beyond those that are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
