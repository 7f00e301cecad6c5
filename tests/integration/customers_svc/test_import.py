"""An import of rows: each is created, updated, unchanged or refused, with its history and its event."""

import asyncio
import json
from asyncio import get_running_loop
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from contracts.customers import (
    ArchiveCustomer,
    CreateCustomer,
    Customer,
    GetCustomer,
    GetCustomerHistory,
    ListCustomers,
)
from contracts.customers_import import CustomerRow, ImportedRow, ImportRows
from customers_svc.handlers import Handlers
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Conflict
from providers.postgres.database import Database

ANNA = Caller("anna", "s1", frozenset({"ADMIN"}))


def row(customer_id: str, **fields: Any) -> CustomerRow:  # noqa: ANN401  # fields of a row
    return CustomerRow(customer_id=customer_id, **fields)


async def imported(handlers: Handlers, *rows: CustomerRow, dry_run: bool = False) -> Sequence[ImportedRow]:
    return (await handlers.import_rows(ImportRows(rows=rows, dry_run=dry_run))).rows


def said(rows: Sequence[ImportedRow]) -> list[str]:
    """The outcome of each row, or the reason of its refusal."""
    return [one.reason or one.outcome.value for one in rows]


async def get(handlers: Handlers, customer_id: str) -> Customer:
    return await handlers.get(GetCustomer(customer_id=customer_id))


async def everything(database: Database) -> list[tuple[Any, ...]]:
    """Every customer, change and event."""
    rows = []
    for table in ("customers", "customer_changes", "outbox"):
        rows += await database.fetch(f"SELECT to_jsonb(one) FROM {table} AS one ORDER BY to_jsonb(one)::text")  # noqa: S608
    return [tuple(one) for one in rows]


async def test_rows_are_created_updated_and_unchanged(handlers: Handlers) -> None:
    before = await get(handlers, "ALFKI")

    rows = await imported(
        handlers,
        row("NEWCO", company_name="New", city="Ærø"),
        row("ALFKI", city="Bonn", fax=None),
        row("ANATR", company_name="Ana Trujillo Emparedados y helados"),
        row("BERGS"),
    )

    assert ["created", "updated", "unchanged", "unchanged"] == said(rows)
    assert ["NEWCO", "ALFKI", "ANATR", "BERGS"] == [one.customer_id for one in rows]
    new = await get(handlers, "NEWCO")
    assert ("New", "Ærø", None, 1) == (new.company_name, new.city, new.phone, new.version)
    after = await get(handlers, "ALFKI")
    changed = {"city": "Bonn", "fax": None, "version": before.version + 1, "updated_at": after.updated_at}
    assert before.model_copy(update=changed) == after
    found = await handlers.list(ListCustomers(q="aero"))
    assert ["NEWCO"] == [one.customer_id for one in found.items]


async def test_a_refused_row_says_why_and_the_others_are_written(handlers: Handlers) -> None:
    await handlers.archive(ArchiveCustomer(customer_id="BERGS"))

    rows = await imported(
        handlers,
        row("BERGS", city="Ulm"),
        row("NEWCO", city="Ulm"),
        row("ALFKI", city="Ulm", expected_version=7),
        row("ANATR", city="Ulm", expected_version=1),
    )

    assert ["customer_archived", "invalid_payload", "version_mismatch", "updated"] == said(rows)
    assert [("company_name", "required")] == [(one.field, one.reason) for one in rows[1].errors]
    assert ("Berlin", "Ulm") == ((await get(handlers, "ALFKI")).city, (await get(handlers, "ANATR")).city)


async def test_a_customer_as_it_is_is_unchanged_whatever_version_is_expected(handlers: Handlers) -> None:
    assert ["unchanged"] == said(await imported(handlers, row("ALFKI", city="Berlin", expected_version=7)))


async def test_a_later_row_of_the_same_customer_starts_from_what_the_first_leaves(handlers: Handlers) -> None:
    rows = [
        row("NEWCO", company_name="New"),
        row("NEWCO", company_name="Newer", expected_version=1),
        row("NEWCO", city="Ulm", expected_version=1),
        row("NEWCO", company_name="Newer"),
    ]
    expected = ["created", "updated", "version_mismatch", "unchanged"]

    assert expected == said(await imported(handlers, *rows, dry_run=True))
    assert expected == said(await imported(handlers, *rows))
    assert ("Newer", 2) == ((new := await get(handlers, "NEWCO")).company_name, new.version)


async def test_a_dry_run_answers_the_same_and_writes_nothing(handlers: Handlers, database: Database) -> None:
    rows = [row("NEWCO", company_name="New"), row("ALFKI", city="Bonn"), row("ANATR"), row("NOBOD", city="Ulm")]
    before = await everything(database)

    dry = await imported(handlers, *rows, dry_run=True)

    assert before == await everything(database)
    assert dry == await imported(handlers, *rows)
    assert before != await everything(database)


async def test_a_second_import_finds_everything_unchanged(handlers: Handlers, database: Database) -> None:
    rows = [row("NEWCO", company_name="New"), row("ALFKI", city="Bonn", expected_version=1)]
    await imported(handlers, *rows)
    after_the_first = await everything(database)

    assert ["unchanged", "unchanged"] == said(await imported(handlers, *rows))
    assert after_the_first == await everything(database)


async def test_each_change_is_in_the_history_with_its_user_and_has_an_event(
    handlers: Handlers, database: Database
) -> None:
    with working_on(Context("r1", get_running_loop().time() + 5, caller=ANNA)):
        await imported(handlers, row("NEWCO", company_name="New"), row("ALFKI", city="Bonn"), row("ANATR"))

    history = [
        (
            one.version,
            one.action.value,
            one.user_id,
            one.request_id,
            [(c.field, c.before, c.after) for c in one.changed],
        )
        for key in ("NEWCO", "ALFKI")
        for one in (await handlers.history(GetCustomerHistory(customer_id=key))).items[:1]
    ]
    assert [
        (1, "created", "anna", "r1", [("company_name", None, "New")]),
        (2, "updated", "anna", "r1", [("city", "Berlin", "Bonn")]),
    ] == history
    events = await database.fetch("SELECT subject, convert_from(body, 'UTF8') AS body FROM outbox ORDER BY position")
    assert [{"customer_id": "NEWCO", "version": 1}, {"customer_id": "ALFKI", "version": 2}] == [
        _data(one["body"]) for one in events
    ]
    assert {"events.customers.changed"} == {one["subject"] for one in events}


def _data(body: str) -> Any:  # noqa: ANN401  # any JSON
    event = json.loads(body)
    return event.get("data", event)


async def test_a_failure_leaves_nothing_of_the_message(handlers: Handlers, database: Database) -> None:
    before = await everything(database)
    await database.fetch("ALTER TABLE customers ADD CONSTRAINT no_bonn CHECK (city <> 'Bonn') NOT VALID")

    with pytest.raises(Exception, match="no_bonn"):
        await imported(handlers, row("NEWCO", company_name="New"), row("ALFKI", city="Bonn"))

    assert before == await everything(database)


async def test_imports_of_the_same_customers_at_once_write_each_change_once(handlers: Handlers) -> None:
    keys = [f"NEW{first}{second}" for first in "ABCD" for second in "ABCDE"]
    rows = [row(key, company_name="New") for key in keys]

    outcomes = await asyncio.gather(*(imported(handlers, *(rows if n % 2 else rows[::-1])) for n in range(6)))

    assert len(keys) == sum(said(one).count("created") for one in outcomes)
    assert {1} == {(await get(handlers, key)).version for key in keys}
    assert {"created", "unchanged"} == {outcome for one in outcomes for outcome in said(one)}


async def test_a_customer_that_is_created_meanwhile_is_looked_at_again(handlers: Handlers) -> None:
    async def create(key: str) -> None:
        with suppress(Conflict):
            await handlers.create(CreateCustomer(customer_id=key, company_name="Theirs"))

    for number in range(10):
        key = f"NEWX{'ABCDEFGHIJ'[number]}"
        rows, _ = await asyncio.gather(imported(handlers, row(key, company_name="Ours")), create(key))
        customer = await get(handlers, key)
        assert ("Ours", {"created": 1, "updated": 2}[said(rows)[0]]) == (customer.company_name, customer.version)
