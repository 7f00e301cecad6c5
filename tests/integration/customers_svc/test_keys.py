"""A customer that is created without an id gets one that resembles its name."""

import asyncio
import re
from itertools import product
from string import ascii_uppercase

import pytest

from contracts.customers import ArchiveCustomer, CreateCustomer, Customer
from customers_svc.handlers import Handlers
from customers_svc.keys import suggested, suggestions
from mesh.core.errors import Conflict
from providers.postgres.database import Database


async def create(handlers: Handlers, company_name: str) -> Customer:
    return await handlers.create(CreateCustomer(company_name=company_name))


@pytest.mark.parametrize(
    ("expected", "company_name"),
    [
        ("ALFFU", "Alfreds Futterkiste"),
        ("BERSN", "Berglunds snabbköp"),
        ("BSBEV", "B's Beverages"),
        ("OTTIL", "Öttilies & l"),
        ("STRAS", "Straße"),
        ("ABXXX", "ab"),
        ("XXXXX", "한국 1"),
    ],
)
def test_an_id_resembles_the_name(expected: str, company_name: str) -> None:
    assert expected == suggested(company_name)


def test_every_candidate_is_an_id_and_comes_once() -> None:
    candidates = [one for batch in suggestions("Alfreds Futterkiste") for one in batch]

    assert ["ALFFU", "ALFFA", "ALFFB"] == candidates[:3]
    assert 1 + 26 + 26**2 + 26**3 == len(candidates)
    assert all(re.fullmatch("[A-Z]{5}", one) for one in candidates)


async def test_the_best_id_is_taken_first_and_then_the_next(handlers: Handlers) -> None:
    assert ["ALFFU", "ALFFA", "ALFFB"] == [
        (await create(handlers, "Alfreds Futterkiste")).customer_id for _ in range(3)
    ]


async def test_the_id_of_an_archived_customer_is_not_suggested(handlers: Handlers) -> None:
    await create(handlers, "Alfreds Futterkiste")
    await handlers.archive(ArchiveCustomer(customer_id="ALFFU"))

    assert "ALFFA" == (await create(handlers, "Alfreds Futterkiste")).customer_id


async def test_of_many_at_once_each_gets_an_id_of_its_own(handlers: Handlers) -> None:
    made = await asyncio.gather(*(create(handlers, "Alfreds Futterkiste") for _ in range(8)))

    assert 8 == len({one.customer_id for one in made})


async def test_a_name_whose_ids_are_all_taken_is_a_conflict(handlers: Handlers, database: Database) -> None:
    taken = [
        "AL" + "".join(letters) for letters in product(ascii_uppercase, repeat=3) if "ALFKI" != "AL" + "".join(letters)
    ]
    await database.fetch("ALTER TABLE customers DISABLE TRIGGER customers_history")  # for speed
    await database.fetch(
        "INSERT INTO customers (customer_id, company_name, company_name_folded, contact_name_folded, city_folded,"
        " country_folded) SELECT key, 'x', 'x', '', '', '' FROM unnest($1::text[]) AS key",
        taken,
    )

    with pytest.raises(Conflict) as refused:
        await create(handlers, "Alfreds Futterkiste")

    assert "customer_exists" == refused.value.reason
