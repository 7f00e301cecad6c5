from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.products import ListProducts, Product, ProductSort
from contracts.products_categories import ListCategories
from contracts.products_suppliers import ListSuppliers
from mesh.core.errors import Invalid
from products_svc.categories_handlers import CategoryHandlers
from products_svc.handlers import Handlers
from products_svc.repository import _ORDERS
from products_svc.suppliers_handlers import SupplierHandlers
from providers.postgres.folding import fold
from tests.support.northwind.northwind import digests, digests_of, every
from tests.support.northwind.sorting import in_order, orders

KEYS: dict[str, Callable[[Product], Any]] = {
    "product_id": lambda p: p.product_id,
    "product_name": lambda p: fold(p.product_name),
    "unit_price": lambda p: p.unit_price,
    "units_in_stock": lambda p: p.units_in_stock,
}


@pytest.mark.parametrize("limit", [1, 7, 77, 200])
async def test_all_pages_together_are_northwind_row_by_row(
    handlers: Handlers, categories: CategoryHandlers, suppliers: SupplierHandlers, limit: int
) -> None:
    assert digests("products") == digests_of(await every(handlers.list, ListProducts(limit=limit)))
    assert digests("categories") == digests_of(await every(categories.list, ListCategories(limit=limit)))
    assert digests("suppliers") == digests_of(await every(suppliers.list, ListSuppliers(limit=limit)))


@pytest.mark.parametrize("sort", ProductSort)
async def test_every_order_is_kept_across_pages(handlers: Handlers, sort: ProductSort) -> None:
    everything = await every(handlers.list, ListProducts(limit=200))

    paged = await every(handlers.list, ListProducts(sort=sort, limit=4))

    assert in_order(everything, sort, KEYS) == paged


@pytest.mark.parametrize(
    "sort", ["units_in_stock,-unit_price", "-unit_price,product_name,-product_id", "-units_in_stock,-unit_price"]
)
@pytest.mark.parametrize("limit", [1, 4])
async def test_an_order_by_several_fields_is_kept_across_pages(handlers: Handlers, sort: str, limit: int) -> None:
    everything = await every(handlers.list, ListProducts(limit=200))

    paged = await every(handlers.list, ListProducts(sort=sort, limit=limit))

    assert in_order(everything, sort, KEYS) == paged


@pytest.mark.parametrize("sort", ["unit_price,unit_price", "unit_price,-unit_price", "discontinued", "unit_price,"])
def test_an_order_names_up_to_three_fields_each_once(sort: str) -> None:
    with pytest.raises(ValidationError, match="must be 1 to 3 of product_id, product_name, unit_price, units_in_stock"):
        ListProducts(sort=sort)


async def test_a_total_is_of_all_pages(handlers: Handlers) -> None:
    page = await handlers.list(ListProducts(category_id=1, count=True, limit=2))

    assert (12, False, 2) == (page.total, page.total_estimated, len(page.items))
    assert (await handlers.list(ListProducts(category_id=1))).total is None


def test_every_order_of_the_contract_is_one_of_the_repository() -> None:
    for sort in orders(KEYS):
        assert "product_id" == _ORDERS.of(ListProducts(sort=sort).sort).columns[-1]


@pytest.mark.parametrize(
    ("request_", "fits"),
    [
        (ListProducts(category_id=1), lambda p: p.category_id == 1),
        (ListProducts(supplier_id=7), lambda p: p.supplier_id == 7),
        (ListProducts(category_id=8, supplier_id=4), lambda p: p.category_id == 8 and p.supplier_id == 4),
        (ListProducts(category_id=2**31 - 1), lambda _: False),
        (ListProducts(min_price=Decimal("18.00"), max_price=Decimal("19.00")), lambda p: 18 <= p.unit_price <= 19),
        (ListProducts(min_price=Decimal("99999999.99")), lambda _: False),
        (ListProducts(min_price=Decimal(20), max_price=Decimal(10)), lambda _: False),
        (ListProducts(discontinued=True), lambda p: p.discontinued),
        (ListProducts(discontinued=False), lambda p: not p.discontinued),
        (ListProducts(low_stock=True), lambda p: p.units_in_stock <= p.reorder_level),
        (ListProducts(low_stock=False), lambda p: p.units_in_stock > p.reorder_level),
        (ListProducts(low_stock=True, discontinued=False, sort=ProductSort.PRICE_DESC), lambda p: (
            p.units_in_stock <= p.reorder_level and not p.discontinued
        )),
        (ListProducts(category_id=None, q=None), lambda _: True),
    ],
)  # fmt: skip
async def test_filters_leave_what_fits(
    handlers: Handlers, request_: ListProducts, fits: Callable[[Product], bool]
) -> None:
    everything = await every(handlers.list, ListProducts(limit=200))

    found = await every(handlers.list, request_.model_copy(update={"limit": 3}))

    assert {p.product_id for p in everything if fits(p)} == {p.product_id for p in found}


@pytest.mark.parametrize(
    ("expected", "q"),
    [
        ([1, 2], "CHA"),
        ([24], "guarana"),
        ([24], "GUARANÁ"),
        ([50], "valkoinen suklaa"),
        ([26], "gummibarchen"),
        ([], "100%"),
        ([], "_"),
        ([], "' OR true --"),
    ],
)
async def test_a_search_looks_into_the_name(handlers: Handlers, expected: list[int], q: str) -> None:
    assert set(expected) <= {p.product_id for p in await every(handlers.list, ListProducts(q=q))}
    assert bool(expected) == bool((await handlers.list(ListProducts(q=q))).items)


@pytest.mark.parametrize(
    "fields",
    [
        {"sort": ProductSort.PRICE_DESC},
        {"sort": ProductSort.ID},
        {"sort": ProductSort.PRICE, "category_id": 1},
        {"sort": ProductSort.PRICE, "discontinued": False},
        {"sort": ProductSort.PRICE, "min_price": Decimal(1)},
    ],
)
async def test_a_cursor_of_another_list_is_refused(handlers: Handlers, fields: dict[str, object]) -> None:
    cursor = (await handlers.list(ListProducts(sort=ProductSort.PRICE, limit=5))).next_cursor

    with pytest.raises(Invalid) as refused:
        await handlers.list(ListProducts.model_validate({**fields, "cursor": cursor}))

    assert ("invalid_cursor", "cursor") == (refused.value.reason, refused.value.errors[0].field)


async def test_categories_and_suppliers_have_cursors_of_their_own(
    handlers: Handlers, categories: CategoryHandlers, suppliers: SupplierHandlers
) -> None:
    of_products = (await handlers.list(ListProducts(limit=1))).next_cursor
    of_categories = (await categories.list(ListCategories(limit=1))).next_cursor

    with pytest.raises(Invalid):
        await categories.list(ListCategories(cursor=of_products))
    with pytest.raises(Invalid):
        await suppliers.list(ListSuppliers(cursor=of_categories))
