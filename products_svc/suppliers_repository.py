"""The suppliers in PostgreSQL: every query of theirs."""

# SQL is built from our own column names; values are parameters

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from contracts.base import Id
from contracts.products import ProductReason
from contracts.products_suppliers import (
    CreateSupplier,
    ListSuppliers,
    Supplier,
    SupplierChanged,
    SupplierPage,
)
from mesh.core.errors import Conflict, Invalid, NotFound
from products_svc.faults import invalid_cursor, other_version
from providers.cursor import Page
from providers.postgres.keyset import Order, Select
from providers.postgres.repository import Table, VersionedRepository
from subjects import EVENTS_PRODUCTS_SUPPLIER_CHANGED, PRODUCTS_SUPPLIERS_LIST
from worker.postgres import publish

_COLUMNS: Final = (
    "supplier_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone, fax,"
    " homepage, version"
)
_BY_ID: Final = Order(("supplier_id",), TypeAdapter(tuple[Id]))


class Suppliers(VersionedRepository[int, Supplier]):
    """The table `suppliers`. No row is ever retired."""

    table = Table("suppliers", "supplier_id", _COLUMNS)

    async def list(self, request: ListSuppliers) -> SupplierPage:
        """A page of the suppliers. Raises Invalid for a cursor of another list."""
        page = Page.of(PRODUCTS_SUPPLIERS_LIST.subject, request)
        return SupplierPage.model_validate(await self._page(Select(_COLUMNS, "suppliers"), _BY_ID, page))

    async def create(self, new: CreateSupplier) -> Supplier:
        """The new supplier."""
        return await self._add(new.model_dump())

    async def update(self, supplier_id: int, expected_version: int, changes: Mapping[str, Any]) -> Supplier:
        """The supplier with changed columns. Raises NotFound, and Conflict for another version."""
        return await self._change(supplier_id, expected_version, changes)

    def _row(self, values: Mapping[str, Any]) -> Supplier:
        return Supplier.model_validate(values)

    async def _changed(self, row: Supplier) -> None:
        changed = SupplierChanged(supplier_id=row.supplier_id, version=row.version)
        await publish(self._database, EVENTS_PRODUCTS_SUPPLIER_CHANGED, changed, aggregate=str(row.supplier_id))

    def _not_found(self, key: int) -> NotFound:
        return NotFound(ProductReason.SUPPLIER_NOT_FOUND, f"there is no supplier {key}")

    def _other_version(self, row: Supplier, expected: int | None) -> Conflict:
        return other_version("supplier", row.supplier_id, row.version, expected)

    def _invalid_cursor(self, why: str) -> Invalid:
        return invalid_cursor(why)
