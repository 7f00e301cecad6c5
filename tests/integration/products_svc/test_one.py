import asyncio
from decimal import Decimal
from typing import Any

import pytest

from contracts.products import (
    CreateProduct,
    DiscontinueProduct,
    GetProduct,
    GetProducts,
    ListProducts,
    Product,
    ProductPatch,
    RestoreProduct,
    UpdateProduct,
)
from mesh.core.errors import Conflict, Invalid, NotFound, Unavailable
from products_svc.handlers import Handlers
from providers.postgres.database import Database


async def get(handlers: Handlers, product_id: int = 1) -> Product:
    return await handlers.get(GetProduct(product_id=product_id))


async def update(handlers: Handlers, patch: dict[str, Any], version: int = 1, product_id: int = 1) -> Product:
    request = UpdateProduct(product_id=product_id, expected_version=version, patch=ProductPatch.model_validate(patch))
    return await handlers.update(request)


async def discontinue(handlers: Handlers, version: int | None = None, product_id: int = 1) -> Product:
    return await handlers.discontinue(DiscontinueProduct(product_id=product_id, expected_version=version))


async def test_a_product_comes_as_northwind_has_it_with_money_as_text(handlers: Handlers) -> None:
    product = await get(handlers)

    assert {
        "product_id": 1,
        "product_name": "Chai",
        "supplier_id": 1,
        "category_id": 1,
        "quantity_per_unit": "10 boxes x 20 bags",
        "unit_price": "18.00",
        "units_in_stock": 39,
        "units_on_order": 0,
        "reorder_level": 10,
        "discontinued": False,
        "version": 1,
    } == product.model_dump(mode="json", exclude={"created_at", "updated_at"})


async def test_an_unknown_product_is_not_found(handlers: Handlers) -> None:
    with pytest.raises(NotFound) as refused:
        await get(handlers, 2**31 - 1)

    assert "product_not_found" == refused.value.reason


async def test_many_come_in_the_order_asked_for_each_once(handlers: Handlers) -> None:
    found = await handlers.get_many(GetProducts(product_ids=(77, 1000, 1, 77, 1000, 999)))

    assert [77, 1] == [product.product_id for product in found.items]
    assert (1000, 999) == found.missing


async def test_new_products_get_the_ids_behind_the_seed(handlers: Handlers) -> None:
    request = CreateProduct(product_name="Rødgrød", unit_price=Decimal("99999999.99"), category_id=1, supplier_id=29)

    created = await handlers.create(request)

    assert (78, 1, False) == (created.product_id, created.version, created.discontinued)
    assert Decimal("99999999.99") == created.unit_price
    assert created == await get(handlers, 78)
    assert (created,) == (await handlers.list(ListProducts(q="rodgrod"))).items


@pytest.mark.parametrize("field", ["category_id", "supplier_id"])
async def test_a_reference_to_nothing_names_its_field(handlers: Handlers, field: str) -> None:
    reason = f"unknown_{field.removesuffix('_id')}"
    new = CreateProduct.model_validate({"product_name": "New", "unit_price": "1.00", field: 1000})

    with pytest.raises(Invalid) as refused:
        await handlers.create(new)
    assert (reason, field) == (refused.value.reason, refused.value.errors[0].field)

    with pytest.raises(Invalid) as refused:
        await update(handlers, {field: 1000})
    assert (reason, f"patch.{field}") == (refused.value.reason, refused.value.errors[0].field)
    assert 1 == (await get(handlers)).version


async def test_a_patch_changes_what_it_names_and_null_takes_away(handlers: Handlers) -> None:
    before = await get(handlers)
    patch = {"product_name": "Chá", "unit_price": "18.5", "category_id": None}

    after = await update(handlers, patch)

    changed = {"product_name": "Chá", "unit_price": Decimal("18.50"), "category_id": None, "version": 2}
    assert before.model_copy(update={**changed, "updated_at": after.updated_at}) == after
    assert "18.50" == after.model_dump(mode="json")["unit_price"]
    assert after == await get(handlers)
    assert after in (await handlers.list(ListProducts(q="cha"))).items


async def test_a_change_of_another_version_is_refused_with_the_current_one(handlers: Handlers) -> None:
    await update(handlers, {"units_in_stock": 1})

    with pytest.raises(Conflict) as refused:
        await update(handlers, {"units_in_stock": 2}, version=1)

    assert ("version_mismatch", "product 1 has version 2, not 1") == (refused.value.reason, refused.value.detail)


async def test_of_several_changes_at_once_one_is_made(handlers: Handlers) -> None:
    results = await asyncio.gather(
        *(update(handlers, {"units_in_stock": count}) for count in range(4)), return_exceptions=True
    )

    assert 3 == sum(isinstance(result, Conflict) for result in results)


async def test_an_unknown_product_cannot_be_changed(handlers: Handlers) -> None:
    with pytest.raises(NotFound):
        await update(handlers, {"units_in_stock": 1}, product_id=1000)
    with pytest.raises(NotFound):
        await discontinue(handlers, product_id=1000)


async def test_a_discontinued_product_stays_in_the_catalogue_marked(handlers: Handlers) -> None:
    marked = await discontinue(handlers, version=1)

    assert (True, 2) == (marked.discontinued, marked.version)
    assert marked == await get(handlers)


@pytest.mark.parametrize("version", [None, 1, 2, 9])
async def test_discontinuing_twice_answers_the_same(handlers: Handlers, version: int | None) -> None:
    once = await discontinue(handlers)

    assert once == await discontinue(handlers, version)


async def test_discontinuing_another_version_is_refused(handlers: Handlers) -> None:
    with pytest.raises(Conflict) as refused:
        await discontinue(handlers, version=2)

    assert "version_mismatch" == refused.value.reason
    assert not (await get(handlers)).discontinued


async def test_a_database_that_does_not_answer_is_overload_and_no_bug(handlers: Handlers, database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE products")

        with pytest.raises(Unavailable) as refused:
            await get(handlers)

    assert "database_unavailable" == refused.value.reason


async def test_a_restored_product_is_sold_again_and_restoring_it_twice_changes_nothing(handlers: Handlers) -> None:
    await discontinue(handlers)

    restored = [await handlers.restore(RestoreProduct(product_id=1)) for _ in range(2)]

    assert [(False, 3)] * 2 == [(product.discontinued, product.version) for product in restored]
    assert restored[0] == await get(handlers)


async def test_another_version_of_a_discontinued_product_is_not_restored(handlers: Handlers) -> None:
    await discontinue(handlers)

    with pytest.raises(Conflict) as refused:
        await handlers.restore(RestoreProduct(product_id=1, expected_version=1))

    assert ("version_mismatch", 2) == (refused.value.reason, refused.value.current_version)
    assert (await get(handlers)).discontinued
