"""What the runtime requires of a store: an outbox to send events from, an inbox to apply each event once."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

Unit_co = TypeVar("Unit_co", covariant=True)
"""The handler's argument for changes: a repository within the inbox's transaction."""


class OutboxEntry(Protocol):
    """One event that waits for the stream, as the store keeps it."""

    @property
    def id(self) -> str:
        """The event's `ce-id`."""

    @property
    def subject(self) -> str:
        """Where it is published."""

    @property
    def aggregate(self) -> str:
        """The id of the aggregate. The events of one aggregate keep their order."""

    @property
    def headers(self) -> Mapping[str, str]:
        """All headers of the message."""

    @property
    def body(self) -> bytes:
        """The payload in JSON."""


class Batch(Protocol):
    """Entries that one relay has claimed."""

    @property
    def entries(self) -> Sequence[OutboxEntry]:
        """The entries, the oldest first; empty if nothing can be claimed now."""

    async def remove(self, ids: Collection[str]) -> None:
        """Remove the entries with these ids. The stream has stored them."""


class Outbox(Protocol):
    """The events that a service's transactions have written and the stream does not have yet."""

    def claim(self, most: int) -> AbstractAsyncContextManager[Batch]:
        """Claim up to `most` entries until the context ends; fewer only if no more can be claimed now.

        Two relays never hold entries of one aggregate at once, and no entry before the older ones of its aggregate.
        """

    async def backlog(self) -> tuple[int, float]:
        """How many entries wait, and for how many seconds the oldest one does. Counts 10,000 at most."""

    async def wait(self, timeout: float) -> None:
        """Return after a commit of this process that wrote an entry, or after `timeout` seconds."""


class Inbox(Protocol[Unit_co]):
    """The ids of the events that a service has applied, each written in the transaction of its effect."""

    def once(self, event_id: str) -> AbstractAsyncContextManager[Unit_co | None]:
        """A transaction that applies the event; None if the event is already applied.

        The transaction commits at the end of the context, and is rolled back by an exception.
        """
