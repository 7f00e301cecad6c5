"""An archived customer is found by those who look for it, and can be used again."""

import pytest

from contracts.customers import (
    ArchiveCustomer,
    ArchivedFilter,
    Customer,
    CustomerSort,
    GetCustomer,
    ListCustomers,
    RestoreCustomer,
)
from customers_svc.handlers import Handlers
from mesh.core.errors import Conflict, Invalid, NotFound
from tests.support.northwind.northwind import every

ARCHIVED = ["ALFKI", "ANTON", "WOLZA"]


async def archive_three(handlers: Handlers) -> None:
    for key in ARCHIVED:
        await handlers.archive(ArchiveCustomer(customer_id=key))


async def restore(handlers: Handlers, version: int | None = None, customer_id: str = "ALFKI") -> Customer:
    return await handlers.restore(RestoreCustomer(customer_id=customer_id, expected_version=version))


@pytest.mark.parametrize(
    ("archived", "expected"),
    [(ArchivedFilter.LEFT_OUT, 88), (ArchivedFilter.INCLUDED, 91), (ArchivedFilter.ONLY, 3)],
)
@pytest.mark.parametrize("sort", [CustomerSort.ID, CustomerSort.CITY_DESC])
async def test_a_list_has_archived_customers_as_it_is_asked(
    handlers: Handlers, archived: ArchivedFilter, expected: int, sort: CustomerSort
) -> None:
    await archive_three(handlers)

    found = await every(handlers.list, ListCustomers(archived=archived, sort=sort, limit=2))

    assert expected == len({customer.customer_id for customer in found})
    if archived is ArchivedFilter.ONLY:
        assert ARCHIVED == sorted(customer.customer_id for customer in found)
        assert all(customer.archived_at for customer in found)


async def test_the_other_filters_hold_for_archived_customers_too(handlers: Handlers) -> None:
    await archive_three(handlers)

    found = await handlers.list(ListCustomers(archived=ArchivedFilter.ONLY, country="Germany", q="alfreds"))

    assert ["ALFKI"] == [customer.customer_id for customer in found.items]


async def test_a_cursor_of_a_list_with_archived_customers_is_no_cursor_of_one_without(handlers: Handlers) -> None:
    page = await handlers.list(ListCustomers(archived=ArchivedFilter.INCLUDED, limit=1))

    with pytest.raises(Invalid):
        await handlers.list(ListCustomers(cursor=page.next_cursor))


async def test_a_restored_customer_is_as_it_was_in_a_new_version(handlers: Handlers) -> None:
    before = await handlers.get(GetCustomer(customer_id="ALFKI"))
    await archive_three(handlers)

    restored = await restore(handlers, 2)

    assert before.model_copy(update={"version": 3, "updated_at": restored.updated_at}) == restored
    assert restored == await handlers.get(GetCustomer(customer_id="ALFKI"))


@pytest.mark.parametrize("version", [None, 1, 3, 9])
async def test_restoring_a_customer_in_use_changes_nothing(handlers: Handlers, version: int | None) -> None:
    await archive_three(handlers)
    once = await restore(handlers)

    assert once == await restore(handlers, version)


async def test_restoring_another_version_is_refused(handlers: Handlers) -> None:
    await archive_three(handlers)

    with pytest.raises(Conflict) as refused:
        await restore(handlers, 1)

    assert ("version_mismatch", 2) == (refused.value.reason, refused.value.current_version)


async def test_an_unknown_customer_cannot_be_restored(handlers: Handlers) -> None:
    with pytest.raises(NotFound) as refused:
        await restore(handlers, customer_id="NOONE")

    assert "customer_not_found" == refused.value.reason
