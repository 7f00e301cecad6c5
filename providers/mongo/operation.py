"""What operations on MongoDB have in common: the deadline, the clock, the translation of outages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pymongo.errors import PyMongoError

from providers.errors import Blame
from providers.mongo.database import bounded, is_outage, said
from providers.mongo.errors import blame, is_read_only
from providers.terms import Terms

_MARGIN = 0.05  # seconds: the driver gives up one round trip before the deadline


@asynccontextmanager
async def operation(terms: Terms) -> AsyncIterator[None]:
    """Bound the operations within by the deadline. An error of the database itself is translated by `terms`."""
    try:
        with bounded(terms.remaining()):
            yield
    except PyMongoError as error:
        if blame(error) is not Blame.DATABASE:
            raise
        raise terms.outage(
            error,
            said(error),
            margin=_MARGIN,
            is_answer=not is_outage(error),
            is_read_only=is_read_only(error),
            code=getattr(error, "code", None),
        ) from error


def now() -> datetime:
    """The time in UTC, in the milliseconds that MongoDB stores, so that stored and returned values are equal."""
    exact = datetime.now(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)
