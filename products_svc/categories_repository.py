"""The categories in PostgreSQL: every query of theirs."""

# SQL is built from our own column names; values are parameters

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from contracts.base import Id
from contracts.products import ProductReason
from contracts.products_categories import (
    Category,
    CategoryChanged,
    CategoryPage,
    CreateCategory,
    ListCategories,
)
from mesh.core.errors import Conflict, Invalid, NotFound
from products_svc.faults import invalid_cursor, other_version
from providers.cursor import Page
from providers.postgres.keyset import Order, Select
from providers.postgres.repository import Table, VersionedRepository
from subjects import EVENTS_PRODUCTS_CATEGORY_CHANGED, PRODUCTS_CATEGORIES_LIST
from worker.postgres import publish

_COLUMNS: Final = "category_id, category_name, description, version"
_BY_ID: Final = Order(("category_id",), TypeAdapter(tuple[Id]))


class Categories(VersionedRepository[int, Category]):
    """The table `categories`. No row is ever retired."""

    table = Table("categories", "category_id", _COLUMNS)

    async def list(self, request: ListCategories) -> CategoryPage:
        """A page of the categories. Raises Invalid for a cursor of another list."""
        page = Page.of(PRODUCTS_CATEGORIES_LIST.subject, request)
        return CategoryPage.model_validate(await self._page(Select(_COLUMNS, "categories"), _BY_ID, page))

    async def create(self, new: CreateCategory) -> Category:
        """The new category."""
        return await self._add(new.model_dump())

    async def update(self, category_id: int, expected_version: int, changes: Mapping[str, Any]) -> Category:
        """The category with changed columns. Raises NotFound, and Conflict for another version."""
        return await self._change(category_id, expected_version, changes)

    def _row(self, values: Mapping[str, Any]) -> Category:
        return Category.model_validate(values)

    async def _changed(self, row: Category) -> None:
        changed = CategoryChanged(category_id=row.category_id, version=row.version)
        await publish(self._database, EVENTS_PRODUCTS_CATEGORY_CHANGED, changed, aggregate=str(row.category_id))

    def _not_found(self, key: int) -> NotFound:
        return NotFound(ProductReason.CATEGORY_NOT_FOUND, f"there is no category {key}")

    def _other_version(self, row: Category, expected: int | None) -> Conflict:
        return other_version("category", row.category_id, row.version, expected)

    def _invalid_cursor(self, why: str) -> Invalid:
        return invalid_cursor(why)
