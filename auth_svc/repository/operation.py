"""What every operation on the database keeps to: the deadline, the clock, and how an outage is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from pymongo.errors import PyMongoError

from mesh import context
from mesh.failures import database_unavailable, deadline_passed
from providers.mongo import bounded, is_outage, said

log = structlog.get_logger()

_MARGIN = 0.05  # seconds: the driver gives up a round trip before the deadline


@asynccontextmanager
async def operation() -> AsyncIterator[None]:
    """Decorates whatever talks to the database: it ends by the deadline, and an outage is not a bug of ours."""
    try:
        with bounded(context.remaining()):
            yield
    except PyMongoError as error:
        if not is_outage(error):
            raise
        left = context.remaining()
        if left is not None and left < _MARGIN:
            raise deadline_passed("the deadline passed before the database had answered") from error
        log.warning("database_unavailable", error=said(error), type=type(error).__name__)
        raise database_unavailable("the database does not answer just now") from error


def now() -> datetime:
    """In UTC, with the milliseconds that MongoDB keeps: what is told at once is what is told later."""
    exact = datetime.now(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)
