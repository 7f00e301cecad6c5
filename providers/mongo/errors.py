"""Classifies MongoDB's errors: whose fault each is, by its type, its labels and the server's code."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pymongo import errors

from providers.errors import Blame

KINDS: Final[Mapping[type[errors.PyMongoError], Blame]] = {
    errors.ConnectionFailure: Blame.DATABASE,
    errors.ProtocolError: Blame.DATABASE,  # a broken connection
    errors.CursorNotFound: Blame.DATABASE,  # the server restarted, or the cursor timed out
    errors.ExecutionTimeout: Blame.DATABASE,
    errors.WriteConcernError: Blame.DATABASE,  # written, but not confirmed by a majority
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
"""By type, unless a code or label says more. Of several matching types, the most specific counts."""

LABELS: Final = ("RetryableWriteError", "TransientTransactionError", "RetryableError", "SystemOverloadedError")
"""Labels by which the server or the driver marks an error as transient."""

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
    8000: "AtlasError",  # MongoDB Atlas: storage quota and others
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
"""Codes for the server's own state, with the names in error_codes.yml. Other codes are classified by type."""

_WRITES_BLOCKED: Final = 371


def blame(error: errors.PyMongoError) -> Blame:
    """Whose fault the error is."""
    if error.timeout or any(map(error.has_error_label, LABELS)) or any(code in STATES for code in _codes(error)):
        return Blame.DATABASE
    return next(KINDS[kind] for kind in type(error).__mro__ if kind in KINDS)


def is_read_only(error: errors.PyMongoError) -> bool:
    """Whether only writes are refused, since an administrator has blocked them."""
    return _WRITES_BLOCKED in _codes(error)


def _codes(error: errors.PyMongoError) -> Iterator[int]:
    """The server's codes. A bulk write has one for each failed operation."""
    if not isinstance(error, errors.OperationFailure):
        return
    if error.code is not None:
        yield error.code
    details: Mapping[str, Any] = error.details or {}
    for part in ("writeErrors", "writeConcernErrors"):
        yield from (one["code"] for one in details.get(part, ()) if "code" in one)
