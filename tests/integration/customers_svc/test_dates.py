"""When customers were created and changed: what replies say, and the ranges that lists select by."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from contracts.customers import (
    ArchiveCustomer,
    CreateCustomer,
    Customer,
    CustomerPatch,
    FacetCustomers,
    GetCustomer,
    ListCustomers,
    RestoreCustomer,
    UpdateCustomer,
)
from contracts.customers_import import CustomerRow, ImportRows
from customers_svc.handlers import Handlers
from mesh.core.errors import Invalid
from providers.postgres.database import Database

NOON = datetime(2026, 12, 1, 12, 0, 0, 250_000, tzinfo=UTC)
KEYS = ("ALFKI", "ANATR", "ANTON")


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def get(handlers: Handlers, customer_id: str = "NEWCO") -> Customer:
    return await handlers.get(GetCustomer(customer_id=customer_id))


async def set_dates(database: Database, column: str) -> None:
    """A second before noon, noon, and a second after it; everybody else is years older."""
    await database.fetch(f"UPDATE customers SET {column} = $1", NOON - timedelta(days=999))  # noqa: S608  # our own column
    for seconds, key in enumerate(KEYS, start=-1):
        sql = f"UPDATE customers SET {column} = $1 WHERE customer_id = $2"  # noqa: S608  # our own column
        await database.fetch(sql, NOON + timedelta(seconds=seconds), key)


async def test_each_change_has_its_moment_and_creation_stays(handlers: Handlers) -> None:
    created = await handlers.create(CreateCustomer(customer_id="NEWCO", company_name="New"))
    seen = [created]
    change = UpdateCustomer(customer_id="NEWCO", expected_version=1, patch=CustomerPatch(city="Ulm"))
    seen.append(await handlers.update(change))
    seen.append(await handlers.archive(ArchiveCustomer(customer_id="NEWCO")))
    seen.append(await handlers.restore(RestoreCustomer(customer_id="NEWCO")))
    assert seen[-1] == await get(handlers)
    await handlers.import_rows(ImportRows(rows=(CustomerRow(customer_id="NEWCO", city="Bonn"),)))
    seen.append(await get(handlers))

    moments = [one.updated_at for one in seen if one.updated_at is not None]
    assert created.created_at == created.updated_at
    assert {created.created_at} == {one.created_at for one in seen}
    assert 5 == len(moments)
    assert sorted(set(moments)) == moments


async def test_what_changes_nothing_has_no_new_moment(handlers: Handlers) -> None:
    before = await get(handlers, "ALFKI")

    await handlers.restore(RestoreCustomer(customer_id="ALFKI"))
    await handlers.import_rows(ImportRows(rows=(CustomerRow(customer_id="ALFKI", city=before.city),)))

    assert before == await get(handlers, "ALFKI")


@pytest.mark.parametrize("column", ["created", "updated"])
@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((NOON, None), KEYS[1:]),
        ((NOON - timedelta(seconds=1), NOON), KEYS[:1]),
        ((NOON, NOON + timedelta(microseconds=1)), KEYS[1:2]),
        ((NOON + timedelta(microseconds=1), NOON + timedelta(seconds=2)), KEYS[2:]),
        ((NOON, NOON), ()),
        ((NOON, NOON - timedelta(days=1)), ()),
    ],
)
async def test_a_range_begins_at_a_moment_and_ends_before_one(
    handlers: Handlers,
    database: Database,
    column: str,
    span: tuple[datetime, datetime | None],
    expected: tuple[str, ...],
) -> None:
    await set_dates(database, f"{column}_at")
    after, before = span
    wanted = {f"{column}_after": text(after), f"{column}_before": None if before is None else text(before)}

    found = await handlers.list(ListCustomers.model_validate({**wanted, "count": True}))
    facets = await handlers.facets(FacetCustomers.model_validate(wanted))

    assert expected == tuple(one.customer_id for one in found.items)
    assert len(expected) == found.total == facets.total


async def test_a_cursor_belongs_to_its_range(handlers: Handlers) -> None:
    wanted = {"created_after": "2000-01-01T00:00:00Z", "limit": 1}
    page = await handlers.list(ListCustomers.model_validate(wanted))
    following = await handlers.list(ListCustomers.model_validate({**wanted, "cursor": page.next_cursor}))

    assert ["ANATR"] == [one.customer_id for one in following.items]
    for other in ("2000-01-01T00:00:01Z", "2000-01-01T00:00:00.0Z", None):
        request = ListCustomers.model_validate({**wanted, "created_after": other, "cursor": page.next_cursor})
        with pytest.raises(Invalid, match="another list, order or filter"):
            await handlers.list(request)


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
async def test_a_range_has_an_index(database: Database, column: str) -> None:
    sql = f"EXPLAIN SELECT FROM customers WHERE {column} >= now() + interval '1 day'"
    await database.fetch(
        "INSERT INTO customers (customer_id, company_name, company_name_folded, contact_name_folded, city_folded,"
        " country_folded) SELECT 'Z' || number, 'x', 'x', '', '', '' FROM generate_series(1, 5000) AS number"
    )
    await database.fetch("ANALYZE customers")

    plan = "\n".join(row[0] for row in await database.fetch(sql))

    assert f"customers_by_{column}" in plan


@pytest.mark.parametrize("stated", [{}, {"created_at": None, "updated_at": None}])
async def test_an_imported_row_need_not_say_its_dates(handlers: Handlers, stated: dict[str, None]) -> None:
    reply = await handlers.import_rows(ImportRows(rows=(CustomerRow(customer_id="ALFKI", city="Ulm", **stated),)))  # type: ignore[arg-type]

    assert ["updated"] == [row.outcome for row in reply.rows]


async def test_an_imported_row_cannot_change_the_dates(handlers: Handlers) -> None:
    is_ = await get(handlers, "ALFKI")
    assert is_.created_at is not None
    assert is_.updated_at is not None
    own = {"created_at": text(is_.created_at), "updated_at": text(is_.updated_at)}
    rows = [
        {**own, "expected_version": 1, "city": "Berlin"},
        {**own, "created_at": "2020-02-29T00:00:00Z", "city": "Ulm"},
        {**own, "updated_at": "2020-02-29T00:00:00Z", "expected_version": 1},
        {**own, "updated_at": "2020-02-29T00:00:00Z", "expected_version": 2},  # of another version: it may be true
    ]

    for dry_run in (True, False):
        told = []
        for row in rows:
            request = ImportRows(rows=(CustomerRow(customer_id="ALFKI", **row),), dry_run=dry_run)  # type: ignore[arg-type]
            [answer] = (await handlers.import_rows(request)).rows
            told.append((answer.outcome, [(error.field, error.reason) for error in answer.errors]))

        assert [
            ("unchanged", []),
            ("refused", [("created_at", "read_only")]),
            ("refused", [("updated_at", "read_only")]),
            ("unchanged", []),
        ] == told
    assert is_ == await get(handlers, "ALFKI")


async def test_an_edited_file_can_be_imported_again(handlers: Handlers) -> None:
    before = await get(handlers, "ALFKI")
    assert before.updated_at is not None
    row = CustomerRow(customer_id="ALFKI", city="Ulm", expected_version=1, updated_at=text(before.updated_at))

    outcomes = [(await handlers.import_rows(ImportRows(rows=(row,)))).rows[0].outcome for _ in range(2)]

    assert ["updated", "unchanged"] == outcomes


@pytest.mark.parametrize(
    "moment",
    [
        *("2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z"),
        *("2026-12-01", "2026-12-01T08:30Z", "2026-12-01T24:00:00Z", "2026-12-01T08:30:60Z", "2026-12-01T08:30:00"),
        *("2026-12-01T08:30:00+01:00", "2026-12-01t08:30:00z", "2026-12-01 08:30:00Z", "2026-12-01T08:30:00.Z"),
        *(
            "2026-12-01T08:30:00.1234567Z",
            "0000-01-01T00:00:00Z",
            "3000-01-01T00:00:00Z",
            "",
            "now",
            "٢٠٢٦-12-01T00:00:00Z",
        ),
    ],
)
def test_what_is_no_timestamp_in_utc_is_refused(moment: str) -> None:
    with pytest.raises(ValidationError, match="must be a timestamp in UTC"):
        ListCustomers(updated_after=moment)


@pytest.mark.parametrize("moment", ["2024-02-29T23:59:59.1Z", "2000-02-29T00:00:00Z", "2999-12-31T23:59:59.999999Z"])
async def test_any_moment_may_be_asked_for(handlers: Handlers, moment: str) -> None:
    assert (await handlers.list(ListCustomers(updated_before=moment, updated_after=moment))).items == ()
