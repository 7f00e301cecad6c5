"""Errors of databases, independent of the driver."""

from enum import Enum


class Blame(Enum):
    """Whose fault an error is: who must change something before the same statement succeeds."""

    CALLER = "the value: the repository names the field; an error that it does not know is a gap in the contract"
    OURS = "the statement: a bug"
    DATABASE = "the database: its state, its schema or our rights in it"


class ProviderError(Exception):
    """The base class. The message is one line for an operator, without passwords."""


class DatabaseUnavailable(ProviderError):
    """The database is unreachable or refuses work. The same statement may succeed a moment later."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database is read-only: it is a standby, or configured so."""


class DatabaseTimedOut(ProviderError):
    """The deadline passed before the database answered."""


class DatabaseRefused(ProviderError):
    """The database rejects us: a wrong password, an unknown database, an invalid URL."""


class MigrationError(ProviderError):
    """The schema in the database does not fit the migrations of this process."""


class InvalidCursor(ProviderError):
    """The cursor does not belong to this list, order or filters."""
