"""The history of a customer: who changed what, when, and by which request."""

import uuid
from asyncio import get_running_loop
from datetime import UTC, datetime, timedelta

import pytest

from contracts.customers import (
    ArchiveCustomer,
    CreateCustomer,
    CustomerAction,
    CustomerPatch,
    CustomerVersion,
    FieldChange,
    GetCustomerHistory,
    RestoreCustomer,
    UpdateCustomer,
)
from customers_svc.handlers import Handlers
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Conflict, Invalid, NotFound
from providers.postgres.database import Database
from tests.support.northwind.northwind import every

KEY = "NEWCO"


async def history(handlers: Handlers, customer_id: str = KEY) -> list[CustomerVersion]:
    return list((await handlers.history(GetCustomerHistory(customer_id=customer_id))).items)


async def change(handlers: Handlers) -> None:
    """Five versions."""
    await handlers.create(CreateCustomer(customer_id=KEY, company_name="New", city="Bonn"))
    for number, city in enumerate(["Ulm", None], start=1):
        patch = CustomerPatch(city=city, company_name="New")
        await handlers.update(UpdateCustomer(customer_id=KEY, expected_version=number, patch=patch))
    await handlers.archive(ArchiveCustomer(customer_id=KEY))
    await handlers.restore(RestoreCustomer(customer_id=KEY))


def asked_by(user_id: str) -> Context:
    """A request of this user."""
    caller = Caller(user_id, "s1", frozenset({"ADMIN"}))
    return Context(uuid.uuid4().hex, get_running_loop().time() + 5, caller=caller)


def of(field: str, before: str | None, after: str | None) -> tuple[FieldChange, ...]:
    return (FieldChange(field=field, before=before, after=after),)


async def test_each_version_has_what_was_done_and_what_changed_the_latest_first(handlers: Handlers) -> None:
    await change(handlers)

    found = await history(handlers)

    assert [
        (5, CustomerAction.RESTORED, ()),
        (4, CustomerAction.ARCHIVED, ()),
        (3, CustomerAction.UPDATED, of("city", "Ulm", None)),
        (2, CustomerAction.UPDATED, of("city", "Bonn", "Ulm")),
        (1, CustomerAction.CREATED, (*of("company_name", None, "New"), *of("city", None, "Bonn"))),
    ] == [(one.version, one.action, one.changed) for one in found]
    assert all(timedelta(minutes=1) > abs(datetime.now(UTC) - one.at) for one in found)


async def test_a_change_has_its_user_and_its_request(handlers: Handlers) -> None:
    anna, ben = (asked_by(user_id) for user_id in ("anna", "ben"))
    with working_on(anna):
        await handlers.create(CreateCustomer(customer_id=KEY, company_name="New"))
    with working_on(ben):
        await handlers.archive(ArchiveCustomer(customer_id=KEY))

    assert [("ben", ben.request_id), ("anna", anna.request_id)] == [
        (one.user_id, one.request_id) for one in await history(handlers)
    ]


async def test_a_change_by_nobody_is_not_given_to_whoever_used_the_connection_before(
    handlers: Handlers, database: Database
) -> None:
    with working_on(asked_by("anna")):
        await handlers.create(CreateCustomer(customer_id=KEY, company_name="New"))
    await database.fetch("UPDATE customers SET city = 'Bonn', version = 2 WHERE customer_id = $1", KEY)

    [by_hand, _] = await history(handlers)

    assert (None, None, of("city", None, "Bonn")) == (by_hand.user_id, by_hand.request_id, by_hand.changed)


async def test_what_is_refused_is_in_no_history(handlers: Handlers) -> None:
    await handlers.create(CreateCustomer(customer_id=KEY, company_name="New"))
    with pytest.raises(Conflict):
        await handlers.archive(ArchiveCustomer(customer_id=KEY, expected_version=7))

    assert [1] == [one.version for one in await history(handlers)]


async def test_a_column_that_the_service_computes_is_no_change(handlers: Handlers, database: Database) -> None:
    await database.fetch("UPDATE customers SET city_folded = city_folded")

    assert [(1, CustomerAction.CREATED)] == [(one.version, one.action) for one in await history(handlers, "ALFKI")]


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_the_history_comes_in_pages(handlers: Handlers, limit: int) -> None:
    await change(handlers)

    paged = await every(handlers.history, GetCustomerHistory(customer_id=KEY, limit=limit))

    assert [5, 4, 3, 2, 1] == [one.version for one in paged]


async def test_a_cursor_of_another_customer_is_refused(handlers: Handlers) -> None:
    await change(handlers)
    page = await handlers.history(GetCustomerHistory(customer_id=KEY, limit=1))

    with pytest.raises(Invalid) as refused:
        await handlers.history(GetCustomerHistory(customer_id="ALFKI", cursor=page.next_cursor))

    assert "invalid_cursor" == refused.value.reason


async def test_an_unknown_customer_has_no_history(handlers: Handlers) -> None:
    with pytest.raises(NotFound):
        await history(handlers, "NOONE")
