import re

import pytest
from httpx2 import AsyncClient
from pydantic import BaseModel

from contracts.products import Product
from gateway.api.customers.schemas import Customer
from gateway.api.products.categories_schemas import Category
from gateway.api.products.suppliers_schemas import Supplier
from tests.e2e.http.lists import Item, every
from tests.support.contract.givens import MARK
from tests.support.northwind.northwind import digests, digests_of

TABLES: dict[str, type[BaseModel]] = {
    "customers": Customer,
    "products": Product,  # the contract's: a price is a number there
    "categories": Category,
    "suppliers": Supplier,
}


@pytest.mark.parametrize(("rows", "table"), [(91, "customers"), (77, "products"), (8, "categories"), (29, "suppliers")])
@pytest.mark.parametrize("limit", [10, 200])
async def test_all_of_northwind_comes_out_over_http_row_by_row(
    http: AsyncClient, user: dict[str, str], rows: int, table: str, limit: int
) -> None:
    items = [item for item in await every(http, f"/v1/{table}", user, limit=limit) if not is_ours(item)]

    assert rows == len(items)
    assert digests(table) == digests_of([TABLES[table].model_validate(item) for item in items])


def is_ours(item: Item) -> bool:
    name = item.get("company_name") or item.get("product_name") or item["category_name"]
    return bool(name.startswith(MARK))


async def test_a_row_has_exact_types(http: AsyncClient) -> None:
    expected = {
        "product_id": 38,
        "product_name": "Côte de Blaye",
        "supplier_id": 18,
        "category_id": 1,
        "quantity_per_unit": "12 - 75 cl bottles",
        "unit_price": "263.50",
        "units_in_stock": 17,
        "units_on_order": 0,
        "reorder_level": 15,
        "discontinued": False,
        "version": 1,
    }

    found = (await http.get("/v1/products/38")).json()

    for name in ("created_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", found.pop(name))
    assert expected == found


async def test_a_list_and_its_members_say_the_same(http: AsyncClient, user: dict[str, str]) -> None:
    for path, key in (
        ("/v1/customers", "customer_id"),
        ("/v1/products", "product_id"),
        ("/v1/categories", "category_id"),
        ("/v1/suppliers", "supplier_id"),
    ):
        for item in (await http.get(path, params={"limit": 5}, headers=user)).json()["items"]:
            single = (await http.get(f"{path}/{item[key]}", headers=user)).json()
            assert item == ({**single, "archived_at": None} if key == "customer_id" else single)  # lists can have both
