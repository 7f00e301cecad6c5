"""Facets count what a list with the same filters has."""

from collections import Counter

import pytest

from contracts.customers import (
    ArchiveCustomer,
    ArchivedFilter,
    CreateCustomer,
    CustomerFacets,
    FacetCustomers,
    FacetValue,
    ListCustomers,
)
from customers_svc.handlers import Handlers
from providers.postgres.database import Database
from tests.support.northwind.northwind import every

NORTHWIND_COUNTRIES = {
    **dict.fromkeys(("Germany", "France"), 11),
    "USA": 13,
    "Brazil": 9,
    "UK": 7,
    "Venezuela": 4,
    **dict.fromkeys(("Mexico", "Spain"), 5),
    **dict.fromkeys(("Italy", "Argentina", "Canada"), 3),
    **dict.fromkeys(("Belgium", "Switzerland", "Denmark", "Austria", "Sweden", "Finland", "Portugal"), 2),
    **dict.fromkeys(("Ireland", "Norway", "Poland"), 1),
}


def counts(facet: tuple[FacetValue, ...]) -> dict[str | None, int]:
    return {one.value: one.count for one in facet}


async def test_northwind_has_91_customers_in_21_countries(handlers: Handlers) -> None:
    facets = await handlers.facets(FacetCustomers())

    assert (91, NORTHWIND_COUNTRIES) == (facets.total, counts(facets.country))
    assert (69, 12) == (len(facets.city), len(facets.contact_title))
    assert [("London", 6), ("México D.F.", 5), ("Sao Paulo", 4)] == [(one.value, one.count) for one in facets.city[:3]]
    assert [("Owner", 17), ("Sales Representative", 17)] == [(one.value, one.count) for one in facets.contact_title[:2]]


async def test_the_most_frequent_come_first_and_equals_by_value(handlers: Handlers) -> None:
    facets = await handlers.facets(FacetCustomers())

    for facet in (facets.country, facets.city, facets.contact_title):
        assert sorted(facet, key=lambda one: (-one.count, one.value)) == list(facet)


@pytest.mark.parametrize(
    "filters",
    [
        {"country": "Germany"},
        {"country": "UK", "city": "London"},
        {"region": None},
        {"q": "köln"},
        {"country": "Atlantis"},
        {"archived": ArchivedFilter.ONLY},
        {"archived": ArchivedFilter.INCLUDED, "q": "a"},
    ],
    ids=str,
)
async def test_each_filter_of_the_list_counts(handlers: Handlers, filters: dict[str, object]) -> None:
    for key in ("ALFKI", "OTTIK"):
        await handlers.archive(ArchiveCustomer(customer_id=key))

    facets = await handlers.facets(FacetCustomers.model_validate(filters))

    listed = await every(handlers.list, ListCustomers.model_validate(filters))
    assert len(listed) == facets.total
    for name in ("country", "city", "contact_title"):
        assert Counter(getattr(one, name) for one in listed) == counts(getattr(facets, name))


async def test_customers_without_a_value_are_counted_under_null(handlers: Handlers) -> None:
    await handlers.create(CreateCustomer(customer_id="NEWCO", company_name="New"))

    facets = await handlers.facets(FacetCustomers(q="newco"))

    nobody = (FacetValue(value=None, count=1),)
    assert CustomerFacets(total=1, country=nobody, city=nobody, contact_title=nobody) == facets


async def test_of_many_values_the_hundred_most_frequent_are_told(handlers: Handlers, database: Database) -> None:
    await database.fetch("UPDATE customers SET city = 'City ' || customer_id, version = version")
    for number in range(20):
        await handlers.create(CreateCustomer(customer_id=f"ZZZZ{chr(65 + number)}", company_name="N", city=f"{number}"))

    facets = await handlers.facets(FacetCustomers())

    assert (111, 100) == (facets.total, len(facets.city))
