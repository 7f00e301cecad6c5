import inspect
from typing import Any

import pytest
from pymongo import errors

from providers.errors import Blame
from providers.mongo.errors import KINDS, STATES, blame, is_read_only

EVERY = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.PyMongoError) and kind is not errors.PyMongoError
]
_OF_THEIR_PARENTS = {
    "AutoReconnect": errors.ConnectionFailure,
    "EncryptedCollectionError": errors.EncryptionError,
    "InvalidURI": errors.ConfigurationError,
    "NetworkTimeout": errors.ConnectionFailure,
    "NotPrimaryError": errors.ConnectionFailure,
    "ServerSelectionTimeoutError": errors.ConnectionFailure,
    "WTimeoutError": errors.WriteConcernError,
    "WaitQueueTimeoutError": errors.ConnectionFailure,
    "_OperationCancelled": errors.ConnectionFailure,
}


def test_every_kind_of_error_is_somebodys_fault() -> None:
    told = {kind.__name__: next(one for one in kind.__mro__ if one in KINDS) for kind in EVERY}
    own = {kind.__name__: kind for kind in KINDS if kind is not errors.PyMongoError}
    assert {**own, **_OF_THEIR_PARENTS} == told


def failed(code: int | None, **details: Any) -> errors.OperationFailure:  # noqa: ANN401  # a document of the server's
    return errors.OperationFailure("told by the server", code, details)


def labelled(kind: type[errors.PyMongoError], label: str) -> errors.PyMongoError:
    error = kind("told by the server")
    error._add_error_label(label)  # noqa: SLF001  # only the driver adds labels
    return error


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (Blame.DATABASE, errors.AutoReconnect()),
        (Blame.DATABASE, errors.NotPrimaryError("not primary")),
        (Blame.DATABASE, errors.NetworkTimeout()),
        (Blame.DATABASE, errors.WriteConcernError("waiting for replication", 64)),
        (Blame.DATABASE, errors.CursorNotFound("gone", 43)),
        (Blame.DATABASE, errors.ExecutionTimeout("exceeded time limit", 50)),
        (Blame.DATABASE, failed(13)),
        (Blame.DATABASE, failed(14031)),
        (Blame.DATABASE, failed(8000)),
        (Blame.DATABASE, labelled(errors.OperationFailure, "RetryableWriteError")),
        (Blame.DATABASE, labelled(errors.PyMongoError, "TransientTransactionError")),
        (Blame.DATABASE, errors.BulkWriteError({"writeErrors": [{"code": 121}, {"code": 13}]})),
        (Blame.DATABASE, errors.BulkWriteError({"writeConcernErrors": [{"code": 100}]})),
        (Blame.CALLER, errors.DuplicateKeyError("E11000", 11000)),
        (Blame.OURS, errors.BulkWriteError({"writeErrors": [{"code": 121}]})),
        (Blame.OURS, failed(2)),
        (Blame.OURS, failed(None)),
        (Blame.OURS, failed(59)),
        (Blame.OURS, errors.InvalidOperation("closed")),
        (Blame.OURS, labelled(errors.OperationFailure, "SomethingElse")),
    ],
)
def test_an_error_is_judged_by_code_label_or_kind(expected: Blame, error: errors.PyMongoError) -> None:
    assert expected is blame(error)


def test_writes_alone_are_blocked_by_one_code() -> None:
    assert [371] == [code for code in STATES if is_read_only(failed(code))]
