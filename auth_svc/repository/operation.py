"""What every operation on the database has in common: the deadline and the translation of outages."""

from functools import partial

from providers.mongo import operation as mongo
from worker.outages import TERMS

operation = partial(mongo.operation, TERMS)
"""Decorates database operations: bounds them by the deadline and translates outages."""
