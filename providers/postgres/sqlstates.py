"""Classifies PostgreSQL's errors: whose fault each SQLSTATE is, by its class and by single codes (Appendix A)."""

from collections.abc import Mapping
from typing import Final

import asyncpg

from providers.errors import Blame

CLASSES: Final[Mapping[str, Blame]] = {
    "00": Blame.OURS,  # successful completion: no error
    "01": Blame.OURS,  # warning: no error
    "02": Blame.OURS,  # no data: no error
    "03": Blame.OURS,  # SQL statement not yet complete
    "08": Blame.DATABASE,  # connection exception
    "09": Blame.OURS,  # triggered action exception
    "0A": Blame.OURS,  # feature not supported
    "0B": Blame.OURS,  # invalid transaction initiation
    "0F": Blame.OURS,  # locator exception
    "0L": Blame.OURS,  # invalid grantor
    "0P": Blame.OURS,  # invalid role specification
    "0Z": Blame.OURS,  # diagnostics exception
    "10": Blame.OURS,  # XQuery error
    "20": Blame.OURS,  # case not found
    "21": Blame.OURS,  # cardinality violation
    "22": Blame.CALLER,  # data exception
    "23": Blame.CALLER,  # integrity constraint violation
    "24": Blame.OURS,  # invalid cursor state
    "25": Blame.OURS,  # invalid transaction state
    "26": Blame.DATABASE,  # invalid SQL statement name: a pooler lost a prepared statement
    "27": Blame.OURS,  # triggered data change violation
    "28": Blame.DATABASE,  # invalid authorization: credentials that were valid at the start
    "2B": Blame.OURS,  # dependent privilege descriptors still exist
    "2D": Blame.OURS,  # invalid transaction termination
    "2F": Blame.OURS,  # SQL routine exception
    "34": Blame.OURS,  # invalid cursor name
    "38": Blame.OURS,  # external routine exception
    "39": Blame.OURS,  # external routine invocation exception
    "3B": Blame.OURS,  # savepoint exception
    "3D": Blame.DATABASE,  # invalid catalog name: the database is gone, or has another name
    "3F": Blame.DATABASE,  # invalid schema name: the schema is gone, or has another name
    "40": Blame.DATABASE,  # transaction rollback: a deadlock, a serialization failure
    "42": Blame.OURS,  # syntax error or access rule violation
    "44": Blame.CALLER,  # WITH CHECK OPTION violation
    "53": Blame.DATABASE,  # insufficient resources: disk, memory, connections
    "54": Blame.OURS,  # program limit exceeded
    "55": Blame.DATABASE,  # object not in prerequisite state: a lock is not available
    "57": Blame.DATABASE,  # operator intervention: shutting down, starting up, statement_timeout
    "58": Blame.DATABASE,  # system error: input and output
    "72": Blame.DATABASE,  # snapshot too old, of PostgreSQL before 17
    "F0": Blame.DATABASE,  # configuration file error
    "HV": Blame.DATABASE,  # foreign data wrapper error: another server behind this one
    "P0": Blame.OURS,  # PL/pgSQL error
    "XX": Blame.DATABASE,  # internal error: corrupted data, or concurrent DDL
}

# The migrated schema has every name in our statements. If one is missing, someone changed the schema.
CODES: Final[Mapping[str, Blame]] = {
    "25006": Blame.DATABASE,  # read-only transaction: a standby, or default_transaction_read_only
    "25P03": Blame.DATABASE,  # idle_in_transaction_session_timeout
    "25P04": Blame.DATABASE,  # transaction_timeout
    "42501": Blame.DATABASE,  # insufficient privilege
    "42703": Blame.DATABASE,  # undefined column
    "42704": Blame.DATABASE,  # undefined object
    "42804": Blame.DATABASE,  # datatype mismatch: the type of a column was changed
    "42809": Blame.DATABASE,  # wrong object type: a view instead of a table
    "42883": Blame.DATABASE,  # undefined function
    "42P01": Blame.DATABASE,  # undefined table
    "42P05": Blame.DATABASE,  # duplicate prepared statement: as in class 26
}

READ_ONLY: Final = "25006"
# After these, another connection may work: to the new primary, with current defaults, or without a pooler's remains.
_SPOILT: Final = frozenset({READ_ONLY, "26000", "42P05"})


def blame(error: BaseException) -> Blame:
    """Whose fault the error is. A broken connection or a silent server is the database's."""
    match error:
        # asyncpg raises the last one until it has prepared statements anew, which it does not do within a transaction.
        case OSError() | asyncpg.InternalClientError() | asyncpg.InvalidCachedStatementError():
            return Blame.DATABASE
        # Contracts let no value of a wrong type pass, so the type of the column was changed.
        case asyncpg.DataError(__cause__=TypeError()):
            return Blame.DATABASE
        case asyncpg.PostgresError(sqlstate=str(sqlstate)):
            return CODES.get(sqlstate) or CLASSES.get(sqlstate[:2], Blame.OURS)
        case _:
            return Blame.OURS


def spoils(error: BaseException) -> bool:
    """Whether the connection would keep failing, or keep holding locks, while a new one may work.

    asyncpg prepares a statement before it finds that a value does not fit, and leaves that transaction open.
    """
    if isinstance(error, asyncpg.DataError) and error.__cause__ is not None:  # the driver's own, not the server's
        return True
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _SPOILT
