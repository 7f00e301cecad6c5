"""What a diagnosis says: findings, the worst first."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from mesh.core.endpoint import Endpoint
from mesh.core.event import Event
from ops.process import Process

Severity = Literal["ok", "warning", "error"]
_WORST_FIRST: Final[tuple[Severity, ...]] = ("error", "warning", "ok")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    severity: Severity
    about: str
    what: str
    do: str = ""
    """What to do about it; empty if nothing."""

    def document(self) -> dict[str, str]:
        """The finding as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Declared:
    """What should be there."""

    processes: Sequence[Process]
    endpoints: Sequence[Endpoint[Any, Any]]
    events: Sequence[Event[Any]]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity. Those of one severity keep their order."""
    return sorted(findings, key=lambda one: _WORST_FIRST.index(one.severity))
