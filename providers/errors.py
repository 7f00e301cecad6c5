"""What can go wrong between a process and what it owns, told without a driver's words."""

from enum import Enum


class Blame(Enum):
    """Who has to change something before the same statement succeeds."""

    CALLER = "the value: the repository names the field, and what it does not know is a gap in the contract"
    OURS = "the statement: a bug"
    DATABASE = "the database, its state, or the schema and the rights that somebody gave it: not the request"


class ProviderError(Exception):
    """The root; the message is one line for an operator, without a password."""


class DatabaseUnavailable(ProviderError):
    """The database cannot be reached or takes no more just now; the same may succeed a moment later."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database takes no writes just now: it is a standby, or was told so."""


class DatabaseTimedOut(ProviderError):
    """The deadline passed before the database had answered."""


class DatabaseRefused(ProviderError):
    """The database will not have us as we are: a wrong password, a database that is not there, a broken URL."""


class MigrationError(ProviderError):
    """The schema in the database and the migrations that this process brings do not fit together."""


class InvalidCursor(ProviderError):
    """The cursor is not one that this list gave, in this order and with these filters."""
