"""Records the statements of a traced request on its span: their text and time, and never a value (ADR 43)."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache

import asyncpg
from asyncpg.connection import LoggedQuery

from providers.postgres.connections import Connection
from providers.terms import StatementSpan

_SPACE = re.compile(r"\s+")
_OPERATION = re.compile(r"[A-Z]+")
_COLLECTION = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?([a-z_][a-z0-9_.]*)\b(?!\()")


@contextmanager
def recorded(connection: Connection, span: StatementSpan) -> Iterator[None]:
    """Record on the span what runs on the connection, BEGIN and COMMIT included."""
    recorder = _Recorder(span)
    connection.add_query_logger(recorder)
    try:
        yield
    finally:
        recorder.closed = time.time_ns()
        with suppress(asyncpg.InterfaceError):  # the connection broke
            connection.remove_query_logger(recorder)


class _Recorder:
    """Takes what asyncpg logs: in the next turn of the event loop, hence the correction of the time."""

    def __init__(self, span: StatementSpan) -> None:
        self._span = span
        self.closed: int | None = None
        """When the connection was given back, in Unix nanoseconds."""

    def __call__(self, logged: LoggedQuery) -> None:
        now = time.time_ns()
        ended = now if self.closed is None else min(now, self.closed)
        error = logged.exception
        failure = None if error is None else getattr(error, "sqlstate", None) or type(error).__name__
        self._span.statement(attributes(logged.query), ended - round(logged.elapsed * 1e9), ended, failure)


@lru_cache(maxsize=1024)
def attributes(sql: str) -> Mapping[str, str]:
    """The statement in one line, its first word and its first table, by OpenTelemetry's names.

    Its values are placeholders: no repository writes a value into a statement.
    """
    text = _SPACE.sub(" ", sql).strip()
    found = {"db.system.name": "postgresql", "db.query.text": text}
    if operation := _OPERATION.match(text):
        found["db.operation.name"] = operation[0]
    if collection := _COLLECTION.search(text):
        found["db.collection.name"] = collection[1]
    return found
