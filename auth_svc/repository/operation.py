"""What every operation on the database keeps to: the deadline, the clock, and how an outage is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from pymongo.errors import PyMongoError

from mesh.core import context
from mesh.service.faults import database_read_only, database_unavailable, deadline_passed
from providers.errors import Blame
from providers.mongo.database import bounded, is_outage, said
from providers.mongo.errors import blame, is_read_only

log = structlog.get_logger()

_MARGIN = 0.05  # seconds: the driver gives up a round trip before the deadline


@asynccontextmanager
async def operation() -> AsyncIterator[None]:
    """Decorates what talks to the database: it ends by the deadline, and the database's state is no bug of ours."""
    try:
        with bounded(context.remaining()):
            yield
    except PyMongoError as error:
        if blame(error) is not Blame.DATABASE:
            raise
        left = context.remaining()
        if left is not None and left < _MARGIN:
            raise deadline_passed("the deadline passed before the database had answered") from error
        code = getattr(error, "code", None)
        log.warning("database_unavailable", error=said(error), type=type(error).__name__, code=code)
        if is_read_only(error):
            raise database_read_only("the database takes no writes just now") from error
        does = "does not answer" if is_outage(error) else "cannot do this"
        raise database_unavailable(f"the database {does} just now") from error


def now() -> datetime:
    """In UTC, with the milliseconds that MongoDB keeps: what is told at once is what is told later."""
    exact = datetime.now(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)
