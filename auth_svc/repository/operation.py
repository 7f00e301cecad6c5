"""What every operation on the database has in common: the deadline, the clock, the translation of outages."""

from datetime import UTC, datetime
from functools import partial

from providers.mongo import operation as mongo
from worker.outages import TERMS

operation = partial(mongo.operation, TERMS)
"""Decorates database operations: bounds them by the deadline and translates outages."""


def now() -> datetime:
    """The time in UTC, in the milliseconds that MongoDB stores, so that stored and returned values are equal."""
    exact = datetime.now(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)
