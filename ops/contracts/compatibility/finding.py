"""One change between two versions of the contracts, in a sentence for people."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A change of one subject or of one HTTP operation."""

    subject: str
    """Such as `customers.update` or `PATCH /v1/customers/{customer_id}`."""
    what: str
    breaks: bool = False
    whom: str = ""
    """Whom it breaks, such as `its caller gateway`."""
    instead: str = ""
    """How to make the change compatibly."""

    @property
    def sentence(self) -> str:
        """The change, and if it breaks, whom and what to do instead."""
        if not self.breaks:
            return f"{self.subject}: {self.what}"
        return f"{self.subject}: {self.what}, which breaks {self.whom}: {self.instead}"


@dataclass(frozen=True)
class Part:
    """What a change is about, and what a sentence on it needs to know."""

    subject: str
    whom: str
    beside: str
    """What to publish beside it, such as `a new subject customers.update.v2`."""

    def breaking(self, what: str, instead: str = "") -> Finding:
        """A finding that breaks. `instead`: the compatible way, if there is one but the new subject."""
        aside = f"publish {self.beside} beside it"
        return Finding(self.subject, what, True, self.whom, f"{instead}, or {aside}" if instead else aside)  # noqa: FBT003

    def compatible(self, what: str) -> Finding:
        """A finding that does not."""
        return Finding(self.subject, what)


def listed(names: Sequence[str]) -> str:
    """The names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def users(kind: str, names: Sequence[str]) -> str:
    """Users by name, such as `its callers gateway and orders`."""
    return f"its {kind}{'s' if len(names) != 1 else ''} {listed(names)}".rstrip()
