"""The products in PostgreSQL: their queries, and the first rows of the catalogue.

Each rule is enforced in a single statement.
"""

# ruff: noqa: S608  # SQL is built from our own column names; values are parameters

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
from pydantic import BaseModel

from contracts.base import Count, Id, Money
from contracts.products import (
    CreateProduct,
    ListProducts,
    Product,
    ProductPage,
    ProductReason,
)
from contracts.products_categories import Category
from contracts.products_suppliers import Supplier
from mesh.core.errors import Conflict, Invalid, NotFound
from products_svc.faults import invalid_cursor, not_found, other_version, stock_out_of_range
from products_svc.stock_repository import Ledger, announce
from providers.cursor import Page
from providers.postgres.connections import Connection
from providers.postgres.database import transaction_on
from providers.postgres.folded_columns import fold_again, with_folded
from providers.postgres.folding import pattern
from providers.postgres.keyset import Orders, Select, Text
from providers.postgres.repository import Table, VersionedRepository, insertion
from providers.postgres.seed import read_csv
from providers.postgres.totals import total_of
from subjects import PRODUCTS_LIST
from worker.postgres import name_caller

_COLUMNS = (
    "product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock, units_on_order,"
    " reorder_level, discontinued, version, created_at, updated_at"
)
_FOLDED = ("product_name",)  # searched by a folded column beside it

_ORDERS = Orders(
    "product_id",
    {
        "product_id": ("product_id", Id),
        "product_name": ("product_name_order", Text),
        "unit_price": ("unit_price", Money),
        "units_in_stock": ("units_in_stock", Count),
    },
)

_REFERENCES = {
    "products_category_id_fkey": ("category_id", ProductReason.UNKNOWN_CATEGORY, "unknown category"),
    "products_supplier_id_fkey": ("supplier_id", ProductReason.UNKNOWN_SUPPLIER, "unknown supplier"),
}
_SEEDS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("categories", "category_id", Category),
    ("suppliers", "supplier_id", Supplier),
    ("products", "product_id", Product),
)


class Catalogue(VersionedRepository[int, Product]):
    """The table `products`. Discontinued products are found too."""

    table = Table(
        "products",
        "product_id",
        _COLUMNS,
        in_use="NOT discontinued",
        retire="discontinued = true",
        restore="discontinued = false",
    )

    async def list(self, request: ListProducts) -> ProductPage:
        """A page of the matching products. Raises Invalid for a cursor of another list."""
        select = Select(f"{_COLUMNS}, product_name_order", "products")
        for column in ("category_id", "supplier_id"):
            if (value := getattr(request, column)) is not None:
                select.equal(column, value)
        if request.q is not None:
            select.where("product_name_folded LIKE {}", pattern(request.q))
        if request.min_price is not None:
            select.where("unit_price >= {}", request.min_price)
        if request.max_price is not None:
            select.where("unit_price <= {}", request.max_price)
        select.between("created_at", request.created_after, request.created_before)
        select.between("updated_at", request.updated_after, request.updated_before)
        # Literals, not parameters: PostgreSQL uses a partial index only if the condition is in the statement.
        if request.discontinued is not None:
            select.where("discontinued" if request.discontinued else "NOT discontinued")
        if request.low_stock is not None:
            select.where("units_in_stock <= reorder_level" if request.low_stock else "units_in_stock > reorder_level")
        total = await total_of(self._database, select) if request.count else {}
        page = await self._page(select, _ORDERS.of(request.sort), Page.of(PRODUCTS_LIST.subject, request))
        return ProductPage.model_validate({**page, **total})

    async def create(self, new: CreateProduct) -> Product:
        """The new product. Raises Invalid for an unknown category or supplier."""
        await name_caller(self._database)
        values = with_folded(new.model_dump(), _FOLDED)
        with _known_references():
            return await self._add(values)

    async def update(
        self, product_id: int, expected_version: int, changes: Mapping[str, Any], user_id: str | None = None
    ) -> Product:
        """The product with changed columns. `user_id` is the user who changes them.

        Raises NotFound, Conflict for another version, Invalid for an unknown category or supplier, and Conflict for
        fewer units in stock than are reserved.
        """
        if "unit_price" in changes:
            await name_caller(self._database)
        with _known_references("patch."):
            if "units_in_stock" not in changes:
                return await self._change(product_id, expected_version, with_folded(changes, _FOLDED))
            async with transaction_on(self._database) as connection:
                return await Catalogue(connection).set_stock(product_id, expected_version, changes, user_id)

    async def set_stock(
        self, product_id: int, expected_version: int, changes: Mapping[str, Any], user_id: str | None
    ) -> Product:
        """Make the changes in a transaction, and keep the movement of the stock. Raises what `update` does."""
        ledger = Ledger(self._database)
        stock = (await ledger.lock([product_id])).get(product_id)
        if stock is None:
            raise not_found(product_id)
        if changes["units_in_stock"] < stock.units_reserved:
            raise stock_out_of_range(product_id, stock.units_reserved)
        product = await self._change(product_id, expected_version, with_folded(changes, _FOLDED))
        if change := product.units_in_stock - stock.units_in_stock:
            await ledger.keep_edit(product_id, change, user_id)
        return product

    async def discontinue(self, product_id: int, expected_version: int | None) -> Product:
        """The product, discontinued now or before. Raises NotFound, and Conflict for another version."""
        return await self._retire(product_id, expected_version)

    async def restore(self, product_id: int, expected_version: int | None) -> Product:
        """The product, sold now. Raises NotFound, and Conflict for another version."""
        return await self._restore(product_id, expected_version)

    def _row(self, values: Mapping[str, Any]) -> Product:
        return Product.model_validate(values)

    async def _changed(self, row: Product) -> None:
        await announce(self._database, row.product_id, row.version)

    def _is_retired(self, row: Product) -> bool:
        return row.discontinued

    def _not_found(self, key: int) -> NotFound:
        return not_found(key)

    def _other_version(self, row: Product, expected: int | None) -> Conflict:
        return other_version("product", row.product_id, row.version, expected)

    def _invalid_cursor(self, why: str) -> Invalid:
        return invalid_cursor(why)


async def seed(connection: Connection) -> None:
    """Insert Northwind's categories, suppliers and products. Existing rows stay."""
    for table, key, model in _SEEDS:
        # The contract's types convert the file's text to numbers and booleans.
        rows = [
            model.model_validate({**row, "version": 1}).model_dump(exclude_unset=True)
            for row in read_csv("products_svc", table)
        ]
        rows = [with_folded(row, _FOLDED) for row in rows]
        await connection.executemany(
            f"{insertion(table, rows[0])} ON CONFLICT DO NOTHING", [tuple(row.values()) for row in rows]
        )
        await connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}")


async def _fold_again(connection: Connection) -> None:
    await fold_again(connection, "products", "product_id", _FOLDED)


STEPS: Final = {"0003_order_by_a_part.sql": _fold_again}


@contextmanager
def _known_references(path: str = "") -> Iterator[None]:
    """Turn a foreign key error into Invalid for the field. `path` leads to the field."""
    try:
        yield
    except asyncpg.ForeignKeyViolationError as error:
        field, reason, message = _REFERENCES[error.constraint_name or ""]
        raise Invalid.field(f"{path}{field}", reason, message) from error
