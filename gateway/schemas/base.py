"""How the shapes of HTTP are made from those of NATS, and the other way round."""

from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict

ContractT = TypeVar("ContractT", bound=BaseModel)


class Shown(BaseModel, Generic[ContractT]):
    """What HTTP shows of a reply: the fields that are named here, and no others.

    The two may change apart; a field whose name or meaning parts from the contract's is converted in `from_contract`.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def from_contract(cls, contract: ContractT) -> Self:
        """The reply as HTTP shows it."""
        return cls.model_validate(contract)


class Query(BaseModel):
    """The query parameters of a list: read from text, and none beyond those that are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
