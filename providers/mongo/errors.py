"""Whose fault an error of MongoDB is: by its kind, by its labels, and by the server's code."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pymongo import errors

from providers.errors import Blame

KINDS: Final[Mapping[type[errors.PyMongoError], Blame]] = {
    errors.ConnectionFailure: Blame.DATABASE,
    errors.ProtocolError: Blame.DATABASE,  # what a broken connection brings
    errors.CursorNotFound: Blame.DATABASE,  # the server that had it has ended, or it waited for too long
    errors.ExecutionTimeout: Blame.DATABASE,
    errors.WriteConcernError: Blame.DATABASE,  # written, and not confirmed by as many as we want
    errors.DuplicateKeyError: Blame.CALLER,
    errors.WriteError: Blame.OURS,
    errors.BulkWriteError: Blame.OURS,
    errors.ClientBulkWriteException: Blame.OURS,
    errors.OperationFailure: Blame.OURS,
    errors.CollectionInvalid: Blame.OURS,
    errors.ConfigurationError: Blame.OURS,
    errors.EncryptionError: Blame.OURS,
    errors.InvalidName: Blame.OURS,
    errors.InvalidOperation: Blame.OURS,
    errors.PyMongoError: Blame.OURS,
}
"""What is told by its kind, for want of a code or a label that says more; of several kinds the nearest."""

LABELS: Final = ("RetryableWriteError", "TransientTransactionError", "RetryableError", "SystemOverloadedError")
"""What the server or the driver says of an error that may pass."""

STATES: Final[Mapping[int, str]] = {
    1: "InternalError",
    6: "HostUnreachable",
    7: "HostNotFound",
    8: "UnknownError",
    11: "UserNotFound",
    13: "Unauthorized",
    18: "AuthenticationFailed",
    24: "LockTimeout",
    38: "FileNotOpen",
    39: "FileStreamFailed",
    43: "CursorNotFound",
    46: "LockBusy",
    50: "MaxTimeMSExpired",
    64: "WriteConcernFailed",
    74: "NodeNotFound",
    79: "UnknownReplWriteConcern",
    89: "NetworkTimeout",
    91: "ShutdownInProgress",
    94: "NotYetInitialized",
    100: "UnsatisfiableWriteConcern",
    107: "LockFailed",
    112: "WriteConflict",
    117: "ConflictingOperationInProgress",
    133: "FailedToSatisfyReadPreference",
    134: "ReadConcernMajorityNotAvailableYet",
    146: "ExceededMemoryLimit",
    175: "QueryPlanKilled",
    189: "PrimarySteppedDown",
    202: "NetworkInterfaceExceededTimeLimit",
    208: "TooManyLocks",
    237: "CursorKilled",
    246: "SnapshotUnavailable",
    262: "ExceededTimeLimit",
    264: "TooManyFilesOpen",
    279: "ClientDisconnect",
    292: "QueryExceededMemoryLimitNoDiskUseAllowed",
    314: "ObjectIsBusy",
    365: "TemporarilyUnavailable",
    371: "UserWritesBlocked",
    391: "ReauthenticationRequired",
    462: "IngressRequestRateLimitExceeded",
    8000: "AtlasError",  # MongoDB's own hosting: a quota of space, among others
    9001: "SocketException",
    10058: "LegacyNotPrimary",
    10107: "NotWritablePrimary",
    11600: "InterruptedAtShutdown",
    11601: "Interrupted",
    11602: "InterruptedDueToReplStateChange",
    13435: "NotPrimaryNoSecondaryOk",
    13436: "NotPrimaryOrSecondary",
    14031: "OutOfDiskSpace",
    46841: "ClientMarkedKilled",
}
"""The server's codes for its own state, by the names of its error_codes.yml; every other code is as its kind says."""

_WRITES_BLOCKED: Final = 371


def blame(error: errors.PyMongoError) -> Blame:
    """Whose fault the error is."""
    if error.timeout or any(map(error.has_error_label, LABELS)) or any(code in STATES for code in _codes(error)):
        return Blame.DATABASE
    return next(KINDS[kind] for kind in type(error).__mro__ if kind in KINDS)


def is_read_only(error: errors.PyMongoError) -> bool:
    """Whether the database refuses writes alone: an administrator has blocked them."""
    return _WRITES_BLOCKED in _codes(error)


def _codes(error: errors.PyMongoError) -> Iterator[int]:
    """The server's codes: of a bulk write one for each part that failed."""
    if not isinstance(error, errors.OperationFailure):
        return
    if error.code is not None:
        yield error.code
    details: Mapping[str, Any] = error.details or {}
    for part in ("writeErrors", "writeConcernErrors"):
        yield from (one["code"] for one in details.get(part, ()) if "code" in one)
