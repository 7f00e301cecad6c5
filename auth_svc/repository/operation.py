"""What every operation on the database keeps to: the deadline, the clock, and how an outage is told."""

from datetime import UTC, datetime
from functools import partial

from providers.mongo import operation as mongo
from worker.outages import TERMS

operation = partial(mongo.operation, TERMS)
"""Decorates what talks to the database: it ends by the deadline, and the database's state is no bug of ours."""


def now() -> datetime:
    """In UTC, with the milliseconds that MongoDB keeps: what is told at once is what is told later."""
    exact = datetime.now(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)
