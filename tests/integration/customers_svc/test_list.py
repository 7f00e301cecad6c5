from collections.abc import Callable
from typing import Any

import pytest

from contracts.customers import Customer, CustomerPatch, CustomerSort, ListCustomers, UpdateCustomer
from customers_svc.handlers import Handlers
from customers_svc.repository import _ORDERS
from mesh.core.errors import Invalid
from providers.postgres.folding import fold
from tests.support.northwind.northwind import digests, digests_of, every

SORTS: dict[str, Callable[[Customer], Any]] = {
    "customer_id": lambda c: c.customer_id,
    "company_name": lambda c: (fold(c.company_name), c.customer_id),
    "city": lambda c: (fold(c.city or ""), c.customer_id),
    "country": lambda c: (fold(c.country or ""), c.customer_id),
    "relevance": lambda c: (fold(c.company_name), c.customer_id),  # without a text all fit alike
}


async def ids(handlers: Handlers, request: ListCustomers) -> list[str]:
    return [customer.customer_id for customer in await every(handlers.list, request)]


@pytest.mark.parametrize("limit", [1, 7, 91, 200])
async def test_all_pages_together_are_northwind_row_by_row(handlers: Handlers, limit: int) -> None:
    customers = await every(handlers.list, ListCustomers(limit=limit))

    assert digests("customers") == digests_of(customers)


@pytest.mark.parametrize("sort", CustomerSort)
async def test_every_order_is_kept_across_pages(handlers: Handlers, sort: CustomerSort) -> None:
    everyone = await every(handlers.list, ListCustomers(limit=200))

    paged = await every(handlers.list, ListCustomers(sort=sort, limit=4))

    key = SORTS[sort.removeprefix("-")]
    assert sorted(everyone, key=key, reverse=sort.startswith("-")) == paged


def test_every_sort_of_the_contract_has_its_order() -> None:
    assert set(CustomerSort) == set(_ORDERS)


@pytest.mark.parametrize(
    ("expected", "request_"),
    [
        (11, ListCustomers(country="Germany")),
        (0, ListCustomers(country="germany")),
        (5, ListCustomers(country="Mexico", city="México D.F.")),
        (1, ListCustomers(city="Köln", country="Germany")),
        (3, ListCustomers(region="WA")),
        (60, ListCustomers(region=None)),
        (11, ListCustomers(region=None, country="Germany")),
        (0, ListCustomers(city=None)),
        (91, ListCustomers(q=None)),
        (0, ListCustomers(country="Atlantis")),
    ],
)
async def test_filters_compare_exactly_and_null_asks_for_those_without(
    handlers: Handlers, expected: int, request_: ListCustomers
) -> None:
    assert expected == len(await every(handlers.list, request_))


@pytest.mark.parametrize(
    ("expected", "q"),
    [
        (["ALFKI"], "alfki"),
        (["ALFKI"], "Maria And"),
        (["VAFFE"], "århus"),
        (["VAFFE"], "ARHUS"),
        (["OTTIK"], "koln"),
        (["BERGS"], "Lulea"),
        (["WOLZA"], "Wolski Zajazd"),
        (["WOLZA"], "Wolski  Zajazd"),
        ([], "%"),
        ([], "_"),
        ([], "\\"),
        ([], "' OR true --"),
        ([], "berlin germany"),
        ([], "berlin\ngermany"),
        ([], "Sales Representative"),
    ],
)
async def test_a_search_looks_into_key_company_contact_city_and_country(
    handlers: Handlers, expected: list[str], q: str
) -> None:
    assert expected == await ids(handlers, ListCustomers(q=q))


async def test_filters_search_and_order_go_together_across_pages(handlers: Handlers) -> None:
    request = ListCustomers(country="Brazil", q="a", sort=CustomerSort.CITY_DESC, limit=2)

    found = await every(handlers.list, request)

    assert 9 == len(found)
    assert found == sorted(found, key=lambda c: (fold(c.city or ""), c.customer_id), reverse=True)


async def cursor_of(handlers: Handlers, request: ListCustomers) -> str:
    cursor = (await handlers.list(request)).next_cursor
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    "fields",
    [
        {"sort": CustomerSort.CITY_DESC},
        {"sort": CustomerSort.ID},
        {"sort": CustomerSort.CITY, "country": "Germany"},
        {"sort": CustomerSort.CITY, "region": None},
        {"sort": CustomerSort.CITY, "q": "a"},
    ],
)
async def test_a_cursor_of_another_list_is_refused(handlers: Handlers, fields: dict[str, object]) -> None:
    cursor = await cursor_of(handlers, ListCustomers(sort=CustomerSort.CITY, limit=5))

    with pytest.raises(Invalid) as refused:
        await handlers.list(ListCustomers.model_validate({**fields, "cursor": cursor}))

    assert ("invalid_cursor", "cursor") == (refused.value.reason, refused.value.errors[0].field)


@pytest.mark.parametrize("cursor", ["A", "AAAA", "-" * 1024])
async def test_what_is_no_cursor_is_refused(handlers: Handlers, cursor: str) -> None:
    with pytest.raises(Invalid):
        await handlers.list(ListCustomers(cursor=cursor))


async def test_the_size_of_a_page_may_change_on_the_way(handlers: Handlers) -> None:
    cursor = await cursor_of(handlers, ListCustomers(limit=3))

    rest = await handlers.list(ListCustomers(limit=200, cursor=cursor))

    assert 88 == len(rest.items)


async def test_a_customer_who_moves_is_found_where_he_went(handlers: Handlers) -> None:
    patch = CustomerPatch(city="Ærø", country=None)
    moved = await handlers.update(UpdateCustomer(customer_id="ALFKI", expected_version=1, patch=patch))

    assert ["ALFKI"] == await ids(handlers, ListCustomers(q="AERO"))
    assert [] == await ids(handlers, ListCustomers(q="berlin"))
    assert (moved,) == (await handlers.list(ListCustomers(country=None))).items
    assert "ALFKI" == await first_of(handlers, CustomerSort.COUNTRY)


async def first_of(handlers: Handlers, sort: CustomerSort) -> str:
    customer: Customer = (await handlers.list(ListCustomers(sort=sort, limit=1))).items[0]
    return customer.customer_id
