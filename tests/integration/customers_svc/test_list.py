from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.customers import CreateCustomer, Customer, CustomerPatch, CustomerSort, ListCustomers, UpdateCustomer
from customers_svc.handlers import Handlers
from customers_svc.repository import _ORDERS
from mesh.core.errors import Invalid
from providers.cursor import write
from providers.postgres.folding import fold
from tests.support.northwind.northwind import digests, digests_of, every
from tests.support.northwind.sorting import in_order, orders

KEYS: dict[str, Callable[[Customer], Any]] = {
    "customer_id": lambda c: c.customer_id,
    "company_name": lambda c: fold(c.company_name),
    "city": lambda c: fold(c.city or ""),
    "country": lambda c: fold(c.country or ""),
    "relevance": lambda c: fold(c.company_name),  # without a text all fit alike
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

    assert in_order(everyone, sort, KEYS) == paged


@pytest.mark.parametrize(
    "sort",
    [
        "country,-company_name",
        "-country,city,-customer_id",
        "city,country,company_name",
        "-country,-city",
        "country,customer_id,-city",
        "-city,customer_id",
    ],
)
@pytest.mark.parametrize("limit", [1, 4, 90])
async def test_an_order_by_several_fields_is_kept_across_pages(handlers: Handlers, sort: str, limit: int) -> None:
    everyone = await every(handlers.list, ListCustomers(limit=200))

    paged = await every(handlers.list, ListCustomers(sort=sort, limit=limit))

    assert in_order(everyone, sort, KEYS) == paged


@pytest.mark.parametrize(
    "sort",
    [
        *(
            "",
            ",",
            "city,",
            ",city",
            "city,,country",
            "city, country",
            "city;country",
            "region",
            "city,region",
            "--city",
        ),
        *("city,city", "city,-city", "country,city,country", "relevance,city", "city,relevance", "-relevance"),
        "customer_id,company_name,city,country",
    ],
)
def test_an_order_names_up_to_three_fields_each_once(sort: str) -> None:
    with pytest.raises(ValidationError, match="must be 1 to 3 of customer_id, company_name, city, country, each once"):
        ListCustomers(sort=sort)


def test_every_order_of_the_contract_is_one_of_the_repository() -> None:
    for sort in orders(CustomerSort):
        assert "customer_id" == _ORDERS.of(ListCustomers(sort=sort).sort).columns[-1]


def test_a_cursor_of_three_texts_of_any_length_is_one() -> None:
    longest = write([*["\N{GOTHIC LETTER HWAIR}" * 160] * 3, "ALFKI"], b"")

    assert longest == ListCustomers(cursor=longest).cursor


async def test_a_cursor_of_several_fields_belongs_to_their_order(handlers: Handlers) -> None:
    cursor = await cursor_of(handlers, ListCustomers(sort="country,-city", limit=5))

    for sort in ("-city,country", "country,city", "country", "country,-city,customer_id"):
        with pytest.raises(Invalid) as refused:
            await handlers.list(ListCustomers(sort=sort, cursor=cursor))
        assert "invalid_cursor" == refused.value.reason


@pytest.mark.parametrize(
    ("expected", "request_"),
    [
        (91, ListCustomers(count=True, limit=1)),
        (11, ListCustomers(country="Germany", count=True, sort="city,-company_name", limit=2)),
        (2, ListCustomers(q="fred", sort=CustomerSort.RELEVANCE, count=True)),
        (0, ListCustomers(country="Atlantis", count=True)),
        (None, ListCustomers(country="Germany")),
    ],
)
async def test_a_total_is_of_all_pages_and_only_if_asked_for(
    handlers: Handlers, expected: int | None, request_: ListCustomers
) -> None:
    page = await handlers.list(request_)

    assert (expected, False) == (page.total, page.total_estimated)


async def test_a_cursor_is_good_with_and_without_a_total(handlers: Handlers) -> None:
    first = await handlers.list(ListCustomers(limit=50, count=True))

    rest = await handlers.list(ListCustomers(limit=50, cursor=first.next_cursor))
    counted = await handlers.list(ListCustomers(limit=50, cursor=first.next_cursor, count=True))

    assert (91, rest.items) == (counted.total, counted.items)


async def test_rows_that_are_alike_in_every_field_are_each_on_one_page(handlers: Handlers) -> None:
    """As many as fill pages, with missing values among them: these sort as the empty text, first."""
    for number in range(12):
        city = None if number % 2 else "Twin"
        await handlers.create(CreateCustomer(company_name=f"Twins {number % 3}", country="Twinland", city=city))

    everyone = await every(handlers.list, ListCustomers(country="Twinland"))
    for sort in ("city,-company_name", "-company_name,city", "-country,city,company_name", "country,-city,customer_id"):
        paged = await every(handlers.list, ListCustomers(country="Twinland", sort=sort, limit=1))
        assert in_order(everyone, sort, KEYS) == paged


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


@pytest.mark.parametrize("cursor", ["A", "AAAA", "-" * 1024, "_" * 3072])
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
