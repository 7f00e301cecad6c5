"""Text that grows when it is folded: all of it is found, and a list's order and cursors bear it."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.customers import CreateCustomer, CustomerPatch, CustomerSort, ListCustomers, UpdateCustomer
from customers_svc.handlers import Handlers
from customers_svc.repository import STEPS, Customers
from providers.postgres.database import Database, open_database
from providers.postgres.folding import fold
from providers.postgres.migrations import migrate
from tests.support.northwind.northwind import every

SALLALLAHOU = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"  # becomes eighteen
LONG = {
    "company_name": f"{SALLALLAHOU * 70}COMPANY",
    "contact_name": f"{SALLALLAHOU * 50}Contact",
    "city": f"{SALLALLAHOU * 50}\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}zmir",
    "country": f"{SALLALLAHOU * 50}\N{HANGUL SYLLABLE HAN}\N{HANGUL SYLLABLE GUG}",
}
TAILS = ["company", "CONTACT", "izmir", "\N{HANGUL SYLLABLE HAN}\N{HANGUL SYLLABLE GUG}", LONG["company_name"]]


async def found(handlers: Handlers, q: str) -> list[str]:
    return [one.customer_id for one in await every(handlers.list, ListCustomers(q=q))]


@pytest.mark.parametrize("q", TAILS)
async def test_the_tail_of_a_name_that_decomposes_is_found(handlers: Handlers, q: str) -> None:
    await handlers.create(CreateCustomer.model_validate({"customer_id": "LONGX", **LONG}))
    assert "LONGX" in await found(handlers, q)
    assert "LONGX" not in await found(handlers, f"{SALLALLAHOU * 71}")
    patch = CustomerPatch(**dict.fromkeys(LONG, "short"))
    await handlers.update(UpdateCustomer(customer_id="LONGX", expected_version=1, patch=patch))
    assert "LONGX" not in await found(handlers, q)


@pytest.mark.parametrize("sort", [*CustomerSort, "company_name,-city,country"])
async def test_every_order_bears_names_of_any_length(handlers: Handlers, sort: str) -> None:
    keys = {f"LONG{letter}" for letter in "ABCD"}
    for key in keys:
        await handlers.create(CreateCustomer.model_validate({"customer_id": key, **LONG}))
    paged = await every(handlers.list, ListCustomers(sort=sort, limit=1, q="zmir"))
    assert (keys, len(keys)) == ({one.customer_id for one in paged}, len(paged))


async def test_what_an_older_version_has_cut_is_whole_after_the_migration(url: SecretStr, tmp_path: Path) -> None:
    with as_file(files("customers_svc") / "migrations") as migrations:
        for name in ("0001_customers.sql", "0002_idempotency_keys.sql"):
            shutil.copy(migrations / name, tmp_path)
    async with open_database(url, name="test") as database:
        await migrate(database, tmp_path)
        for key, names in (("LONGX", LONG), ("SHORT", dict.fromkeys(LONG, "Ünseen\u200b"))):
            old = {f"{name}_folded": fold(text)[:160].rstrip() + "?" * (key == "SHORT") for name, text in names.items()}
            await _insert(database, {"customer_id": key, **names, **old})
        await migrate(database, files("customers_svc") / "migrations", steps=STEPS)
        for key, q in [("LONGX", tail) for tail in TAILS] + [("SHORT", "unseen")]:
            page = await Customers(database).list(ListCustomers(q=q, sort=CustomerSort.COMPANY_NAME))
            assert [key] == [one.customer_id for one in page.items]
        rows = await database.fetch("SELECT company_name, company_name_folded, company_name_order FROM customers")
        assert all(row["company_name_folded"] == fold(row["company_name"]) for row in rows)
        assert {160, 6} == {len(row["company_name_order"]) for row in rows}


async def _insert(database: Database, values: dict[str, str]) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await database.fetch(f"INSERT INTO customers ({', '.join(values)}) VALUES ({places})", *values.values())  # noqa: S608  # our own names
