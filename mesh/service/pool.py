"""Keeps apart instances of a service that cannot share its state: one of them is not ready (docs/reference/wire.md)."""

from typing import Final

from mesh.core.reading import Unreadable
from mesh.wire.discovery import EXCLUSIVE, SHARED, read_roster

CONFLICT: Final = "another instance serves, and one of the two cannot share its state"


class Pool:
    """Whether this instance must leave its requests to others.

    A poll of the service carries the instances that the sender knows as ready. Two instances of which one is exclusive
    conflict. The one that comes later yields, until the other is gone. Of two that begin together, the one with the
    smaller id stays.
    """

    def __init__(self, instance: str, kind: str = SHARED) -> None:
        self.kind = kind
        self.conflict: str | None = None
        """Why this instance is not ready; None if it may serve."""
        self._instance = instance
        self._is_new = True

    def hear(self, roster: bytes) -> None:
        """Learn from a poll which instances are ready. An unreadable one is ignored."""
        try:
            ready = read_roster(roster).instances
        except Unreadable:
            return
        others = [one.id for one in ready if one.id != self._instance and EXCLUSIVE in (one.pool, self.kind)]
        yields = bool(others) and (self._is_new or self.conflict is not None or min(others) < self._instance)
        self.conflict = CONFLICT if yields else None
        self._is_new = False
