import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.customers import (
    ArchiveCustomer,
    CreateCustomer,
    Customer,
    CustomerPatch,
    GetCustomer,
    GetCustomers,
    ListCustomers,
    UpdateCustomer,
)
from customers_svc.handlers import Handlers
from mesh.core.errors import Conflict, NotFound, Unavailable
from providers.postgres.database import Database
from tests.support.northwind.northwind import every


async def get(handlers: Handlers, customer_id: str = "ALFKI") -> Customer:
    return await handlers.get(GetCustomer(customer_id=customer_id))


async def update(handlers: Handlers, patch: dict[str, Any], version: int = 1, customer_id: str = "ALFKI") -> Customer:
    request = UpdateCustomer(
        customer_id=customer_id, expected_version=version, patch=CustomerPatch.model_validate(patch)
    )
    return await handlers.update(request)


async def archive(handlers: Handlers, version: int | None = None, customer_id: str = "ALFKI") -> Customer:
    return await handlers.archive(ArchiveCustomer(customer_id=customer_id, expected_version=version))


async def test_a_customer_comes_as_northwind_has_it(handlers: Handlers) -> None:
    customer = await get(handlers)

    assert {
        "customer_id": "ALFKI",
        "company_name": "Alfreds Futterkiste",
        "contact_name": "Maria Anders",
        "contact_title": "Sales Representative",
        "address": "Obere Str. 57",
        "city": "Berlin",
        "region": None,
        "postal_code": "12209",
        "country": "Germany",
        "phone": "030-0074321",
        "fax": "030-0076545",
        "version": 1,
        "archived_at": None,
    } == customer.model_dump(exclude={"created_at", "updated_at"})


async def test_an_unknown_customer_is_not_found(handlers: Handlers) -> None:
    with pytest.raises(NotFound) as refused:
        await get(handlers, "NOONE")

    assert ("customer_not_found", "there is no customer NOONE") == (refused.value.reason, refused.value.detail)


async def test_many_come_in_the_order_asked_for_each_once(handlers: Handlers) -> None:
    keys = ("WOLZA", "NOONE", "ALFKI", "WOLZA", "NOBDY", "NOONE")

    found = await handlers.get_many(GetCustomers(customer_ids=keys))

    assert ["WOLZA", "ALFKI"] == [customer.customer_id for customer in found.items]
    assert ("NOONE", "NOBDY") == found.missing


async def test_a_new_customer_begins_with_version_one(handlers: Handlers) -> None:
    created = await handlers.create(CreateCustomer(customer_id="NEWCO", company_name="Søren & Søn"))

    assert 1 == created.version
    assert created == await get(handlers, "NEWCO")
    assert (created,) == (await handlers.list(ListCustomers(q="soren & son"))).items


async def test_a_key_is_taken_once(handlers: Handlers) -> None:
    with pytest.raises(Conflict) as refused:
        await handlers.create(CreateCustomer(customer_id="ALFKI", company_name="Another"))

    assert "customer_exists" == refused.value.reason
    assert "Alfreds Futterkiste" == (await get(handlers)).company_name


async def test_the_key_of_an_archived_customer_stays_taken(handlers: Handlers) -> None:
    await archive(handlers)

    with pytest.raises(Conflict) as refused:
        await handlers.create(CreateCustomer(customer_id="ALFKI", company_name="Another"))

    assert "customer_exists" == refused.value.reason
    assert "archived" in refused.value.detail


async def test_of_two_who_create_at_once_one_succeeds(handlers: Handlers) -> None:
    request = CreateCustomer(customer_id="NEWCO", company_name="New")

    results = await asyncio.gather(*(handlers.create(request) for _ in range(5)), return_exceptions=True)

    assert [Conflict] * 4 + [Customer] == sorted((type(result) for result in results), key=lambda one: one.__name__)


async def test_a_patch_changes_what_it_names_and_null_takes_away(handlers: Handlers) -> None:
    before = await get(handlers)

    after = await update(handlers, {"city": "Bonn", "fax": None})

    changed = {"city": "Bonn", "fax": None, "version": 2, "updated_at": after.updated_at}
    assert before.model_copy(update=changed) == after
    assert after == await get(handlers)


async def test_a_change_of_another_version_is_refused_with_the_current_one(handlers: Handlers) -> None:
    await update(handlers, {"city": "Bonn"})

    with pytest.raises(Conflict) as refused:
        await update(handlers, {"city": "Ulm"}, version=1)

    assert "version_mismatch" == refused.value.reason
    assert "customer ALFKI has version 2, not 1" == refused.value.detail
    assert "Bonn" == (await get(handlers)).city


async def test_of_two_changes_at_once_one_is_lost_to_nobody(handlers: Handlers) -> None:
    cities = ["Bonn", "Ulm", "Jena", "Trier"]

    results = await asyncio.gather(*(update(handlers, {"city": city}) for city in cities), return_exceptions=True)

    assert 3 == sum(isinstance(result, Conflict) for result in results)
    assert 2 == (await get(handlers)).version


@pytest.mark.parametrize(("customer_id", "reason"), [("NOONE", "customer_not_found"), ("ANTON", "customer_archived")])
async def test_who_is_not_there_or_archived_is_told_apart_and_cannot_be_changed(
    handlers: Handlers, customer_id: str, reason: str
) -> None:
    await archive(handlers, customer_id="ANTON")

    with pytest.raises(NotFound) as changed:
        await update(handlers, {"city": "Bonn"}, version=2, customer_id=customer_id)
    with pytest.raises(NotFound) as read:
        await get(handlers, customer_id)

    assert [reason] * 2 == [changed.value.reason, read.value.reason]


async def test_an_archived_customer_is_out_of_every_reply(handlers: Handlers) -> None:
    archived = await archive(handlers, version=1)

    assert archived.archived_at is not None
    assert timedelta(minutes=1) > abs(datetime.now(UTC) - archived.archived_at)
    assert 2 == archived.version
    with pytest.raises(NotFound):
        await get(handlers)
    assert ("ALFKI",) == (await handlers.get_many(GetCustomers(customer_ids=("ALFKI",)))).missing
    assert 90 == len(await every(handlers.list, ListCustomers()))
    assert () == (await handlers.list(ListCustomers(q="alfki"))).items


@pytest.mark.parametrize("version", [None, 1, 2, 9])
async def test_archiving_twice_answers_the_same(handlers: Handlers, version: int | None) -> None:
    once = await archive(handlers)

    assert once == await archive(handlers, version)


async def test_archiving_another_version_is_refused(handlers: Handlers) -> None:
    with pytest.raises(Conflict) as refused:
        await archive(handlers, version=2)

    assert "version_mismatch" == refused.value.reason
    assert "customer ALFKI has version 1, not 2" == refused.value.detail
    assert (await get(handlers)).archived_at is None


async def test_an_unknown_customer_cannot_be_archived(handlers: Handlers) -> None:
    with pytest.raises(NotFound):
        await archive(handlers, customer_id="NOONE")


async def test_the_longest_text_and_odd_characters_are_kept(handlers: Handlers) -> None:
    name = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 40 + "\N{GRINNING FACE}" * 40

    created = await handlers.create(CreateCustomer(customer_id="NEWCO", company_name=name, city="'; DROP TABLE x;--"))

    assert name == created.company_name
    assert created in await every(handlers.list, ListCustomers(limit=1))


async def test_a_database_that_does_not_answer_is_overload_and_no_bug(handlers: Handlers, database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE customers")

        with pytest.raises(Unavailable) as refused:
            await get(handlers)

    assert "database_unavailable" == refused.value.reason
