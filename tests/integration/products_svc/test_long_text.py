"""Names that grow when they are folded: all of them is found, and the list's order and cursors bear them."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.products import CreateProduct, ListProducts, ProductSort
from products_svc.handlers import Handlers
from products_svc.repository import STEPS, Catalogue
from providers.postgres.database import open_database
from providers.postgres.folding import fold
from providers.postgres.migrations import migrate
from tests.support.northwind.northwind import every

NAME = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 70 + "Æbleskiver"
TAILS = ["aebleskiver", "ÆBLE", NAME]


@pytest.mark.parametrize("q", TAILS)
async def test_the_tail_of_a_name_that_decomposes_is_found(handlers: Handlers, q: str) -> None:
    made = await handlers.create(CreateProduct.model_validate({"product_name": NAME, "unit_price": "1.00"}))
    assert [made] == await every(handlers.list, ListProducts(q=q))


@pytest.mark.parametrize("sort", [ProductSort.NAME, ProductSort.NAME_DESC])
async def test_an_order_by_name_bears_names_of_any_length(handlers: Handlers, sort: ProductSort) -> None:
    new = CreateProduct.model_validate({"product_name": NAME, "unit_price": "1.00"})
    made = [await handlers.create(new) for _ in range(4)]
    paged = await every(handlers.list, ListProducts(sort=sort, limit=1, q="bleskiver"))
    assert made == sorted(paged, key=lambda product: product.product_id)


async def test_what_an_older_version_has_cut_is_whole_after_the_migration(url: SecretStr, tmp_path: Path) -> None:
    with as_file(files("products_svc") / "migrations") as migrations:
        for name in ("0001_catalogue.sql", "0002_idempotency_keys.sql"):
            shutil.copy(migrations / name, tmp_path)
    async with open_database(url, name="test") as database:
        await migrate(database, tmp_path)
        await database.fetch(
            "INSERT INTO products (product_name, unit_price, product_name_folded) VALUES ($1, 1, $2)",
            NAME,
            fold(NAME)[:160],
        )
        await migrate(database, files("products_svc") / "migrations", steps=STEPS)
        for q in TAILS:
            page = await Catalogue(database).list(ListProducts(q=q, sort=ProductSort.NAME))
            assert [NAME] == [one.product_name for one in page.items]
