import asyncio

import asyncpg
import pytest

from providers.errors import Blame
from providers.postgres.sqlstates import CLASSES, CODES, blame, spoils
from tests.support.sqlstates import KNOWN


def raised(sqlstate: str) -> asyncpg.PostgresError:
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": sqlstate, "M": "told by the server"})
    return error


def test_every_class_that_the_driver_knows_is_somebodys_fault() -> None:
    assert set() == {sqlstate[:2] for sqlstate in KNOWN} - CLASSES.keys()
    assert len(KNOWN) > 200


def test_a_code_has_a_line_of_its_own_only_where_it_differs_from_its_class() -> None:
    assert {} == {code: fault for code, fault in CODES.items() if fault is CLASSES[code[:2]]}


@pytest.mark.parametrize(
    ("expected", "sqlstate"),
    [
        (Blame.DATABASE, "25006"),
        (Blame.OURS, "25P02"),
        (Blame.DATABASE, "42501"),
        (Blame.DATABASE, "42703"),
        (Blame.DATABASE, "42804"),
        (Blame.DATABASE, "42809"),
        (Blame.OURS, "42601"),
        (Blame.CALLER, "22003"),
        (Blame.CALLER, "23505"),
        (Blame.DATABASE, "53100"),
        (Blame.DATABASE, "58030"),
        (Blame.DATABASE, "XX001"),
        (Blame.OURS, "P0001"),
        (Blame.OURS, "YY000"),
    ],
)
def test_a_code_is_judged_by_itself_or_by_its_class(expected: Blame, sqlstate: str) -> None:
    assert expected is blame(raised(sqlstate))


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (Blame.DATABASE, OSError("connection reset")),
        (Blame.DATABASE, TimeoutError()),
        (Blame.DATABASE, asyncpg.InternalClientError("broke as it sent")),
        (Blame.DATABASE, asyncpg.OutdatedSchemaCacheError("a type has changed")),
        (Blame.DATABASE, asyncpg.InvalidCachedStatementError("cached plan must not change result type")),
        (Blame.OURS, asyncpg.FeatureNotSupportedError("cannot do that")),
        (Blame.OURS, asyncpg.InterfaceError("one value too many")),
        (Blame.OURS, asyncpg.PostgresError("without a code")),
        (Blame.OURS, asyncio.CancelledError()),
        (Blame.OURS, KeyError("field")),
    ],
)
def test_what_has_no_code_is_judged_by_its_kind(expected: Blame, error: BaseException) -> None:
    assert expected is blame(error)


def test_a_connection_is_spoilt_where_another_one_may_do_better() -> None:
    assert ["25006", "26000", "42P05"] == [code for code in KNOWN if spoils(raised(code))]


@pytest.mark.parametrize(("expected", "cause"), [(Blame.DATABASE, TypeError()), (Blame.CALLER, OverflowError())])
def test_a_value_that_the_driver_cannot_send_is_of_a_type_that_changed_or_out_of_range(
    expected: Blame, cause: Exception
) -> None:
    error = asyncpg.DataError("invalid input for query argument $1")
    error.__cause__ = cause
    assert expected is blame(error)
