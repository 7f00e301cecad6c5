"""Counts the driver's connections to MongoDB: it shows them only to a listener (CMAP's events)."""

from threading import Lock

from pymongo import monitoring


class PoolCounts(monitoring.ConnectionPoolListener):
    """The connections of all servers of a client. The driver calls it from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.open = 0
        self.used = 0
        self.waiting = 0
        """Operations that wait for a connection."""

    def _add(self, *, open: int = 0, used: int = 0, waiting: int = 0) -> None:  # noqa: A002  # the attribute's name
        with self._lock:
            self.open += open
            self.used += used
            self.waiting += waiting

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:  # noqa: ARG002  # the driver's
        """Count it."""
        self._add(open=1)

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:  # noqa: ARG002
        """Count it."""
        self._add(open=-1)

    def connection_check_out_started(self, event: monitoring.ConnectionCheckOutStartedEvent) -> None:  # noqa: ARG002
        """Count it."""
        self._add(waiting=1)

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:  # noqa: ARG002
        """Count it."""
        self._add(used=1, waiting=-1)

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:  # noqa: ARG002
        """Count it."""
        self._add(waiting=-1)

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:  # noqa: ARG002
        """Count it."""
        self._add(used=-1)

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        """Ignore it."""

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None:
        """Ignore it."""

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        """Ignore it."""

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None:
        """Ignore it."""

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None:
        """Ignore it."""
