"""Reports outages of a worker's store: as a fault to callers, as a StartError at the start."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mesh.core.context import remaining, span
from mesh.process.run import StartError
from mesh.service.faults import database_read_only, database_unavailable, deadline_passed
from providers.errors import ProviderError
from providers.terms import Terms

TERMS: Final = Terms(
    unavailable=database_unavailable,
    read_only=database_read_only,
    timed_out=deadline_passed,
    remaining=remaining,
    span=span,
)
"""The faults for an outage of any kind of store (ADR 4), and the deadline and span of the current request."""


@contextmanager
def opening() -> Iterator[None]:
    """Raise StartError if the store cannot be opened."""
    try:
        yield
    except ProviderError as error:
        raise StartError(str(error)) from error
