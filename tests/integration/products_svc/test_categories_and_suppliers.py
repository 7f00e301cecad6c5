"""Categories and suppliers are created and changed like products, and each change is announced."""

import json

import pytest

from contracts.products_categories import Category, CategoryPatch, CreateCategory, GetCategory, UpdateCategory
from contracts.products_suppliers import CreateSupplier, GetSupplier, SupplierPatch, UpdateSupplier
from mesh.core.errors import Conflict, NotFound
from products_svc.categories_handlers import CategoryHandlers
from products_svc.suppliers_handlers import SupplierHandlers
from providers.postgres.database import Database

UNKNOWN = 2**31 - 1


async def announced(database: Database) -> list[tuple[str, dict[str, int]]]:
    """The events in the outbox: subject and payload."""
    rows = await database.fetch("SELECT subject, body FROM outbox ORDER BY position")
    return [(row["subject"], json.loads(row["body"])) for row in rows]


async def test_a_category_is_created_and_changed(categories: CategoryHandlers, database: Database) -> None:
    created = await categories.create(CreateCategory(category_name="Preserves"))
    patch = CategoryPatch(description="Jams")
    request = UpdateCategory(category_id=created.category_id, expected_version=1, patch=patch)
    changed = await categories.update(request)

    assert Category(category_id=9, category_name="Preserves", description=None, version=1) == created
    assert created.model_copy(update={"description": "Jams", "version": 2}) == changed
    assert changed == await categories.get(GetCategory(category_id=created.category_id))
    subject = "events.products.category_changed"
    assert [(subject, {"category_id": 9, "version": version}) for version in (1, 2)] == await announced(database)


async def test_a_supplier_is_created_and_changed(suppliers: SupplierHandlers, database: Database) -> None:
    created = await suppliers.create(CreateSupplier(company_name="Nordisk Mjød", city="Odense"))
    patch = SupplierPatch(city=None, homepage="https://mjod.example")
    request = UpdateSupplier(supplier_id=created.supplier_id, expected_version=1, patch=patch)
    changed = await suppliers.update(request)

    assert (30, "Nordisk Mjød", "Odense", 1) == (
        created.supplier_id,
        created.company_name,
        created.city,
        created.version,
    )
    expected = created.model_copy(update={"city": None, "homepage": "https://mjod.example", "version": 2})
    assert expected == changed == await suppliers.get(GetSupplier(supplier_id=created.supplier_id))
    subject = "events.products.supplier_changed"
    assert [(subject, {"supplier_id": 30, "version": version}) for version in (1, 2)] == await announced(database)


async def test_northwinds_category_and_supplier_come_by_id(
    categories: CategoryHandlers, suppliers: SupplierHandlers
) -> None:
    seafood = await categories.get(GetCategory(category_id=8))
    supplier = await suppliers.get(GetSupplier(supplier_id=2))

    assert ("Seafood", "Seaweed and fish", 1) == (seafood.category_name, seafood.description, seafood.version)
    assert ("New Orleans Cajun Delights", "LA", 1) == (supplier.company_name, supplier.region, supplier.version)


async def test_an_unknown_one_is_not_found(categories: CategoryHandlers, suppliers: SupplierHandlers) -> None:
    patch, other = CategoryPatch(description=None), SupplierPatch(city=None)
    for reason, call in (
        ("category_not_found", categories.get(GetCategory(category_id=UNKNOWN))),
        ("category_not_found", categories.update(UpdateCategory(category_id=UNKNOWN, expected_version=1, patch=patch))),
        ("supplier_not_found", suppliers.get(GetSupplier(supplier_id=UNKNOWN))),
        ("supplier_not_found", suppliers.update(UpdateSupplier(supplier_id=UNKNOWN, expected_version=1, patch=other))),
    ):
        with pytest.raises(NotFound) as refused:
            await call
        assert reason == refused.value.reason


async def test_another_version_is_not_changed(
    categories: CategoryHandlers, suppliers: SupplierHandlers, database: Database
) -> None:
    patch, other = CategoryPatch(description=None), SupplierPatch(city=None)
    for call in (
        categories.update(UpdateCategory(category_id=1, expected_version=2, patch=patch)),
        suppliers.update(UpdateSupplier(supplier_id=1, expected_version=2, patch=other)),
    ):
        with pytest.raises(Conflict) as refused:
            await call
        assert ("version_mismatch", 1) == (refused.value.reason, refused.value.current_version)
    assert [] == await announced(database)
