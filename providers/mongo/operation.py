"""How an operation on MongoDB ends: by the deadline, and by an outage told in the process's own terms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.errors import PyMongoError

from providers.errors import Blame
from providers.mongo.database import bounded, is_outage, said
from providers.mongo.errors import blame, is_read_only
from providers.terms import Terms

_MARGIN = 0.05  # seconds: the driver gives up a round trip before the deadline


@asynccontextmanager
async def operation(terms: Terms) -> AsyncIterator[None]:
    """End what is within by the deadline. An error that is the database's own becomes what `terms` make of it."""
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
