"""The catalogue in PostgreSQL: every query of the service, each rule within a single statement."""

# ruff: noqa: S608  # the texts are put together from our own columns; what a caller sends travels beside them

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import asyncpg
from asyncpg import Record
from pydantic import BaseModel, StringConstraints, TypeAdapter

from contracts.base import Count, Id, Money
from contracts.products import (
    Category,
    CategoryPage,
    CreateProduct,
    ListCategories,
    ListProducts,
    ListSuppliers,
    Product,
    ProductPage,
    ProductReason,
    ProductSort,
    Supplier,
    SupplierPage,
)
from mesh.core.errors import Conflict, Invalid, NotFound
from providers.errors import InvalidCursor
from providers.postgres.connections import Connection
from providers.postgres.database import Statements
from providers.postgres.folding import fold, pattern
from providers.postgres.keyset import Order, Select
from providers.postgres.migrations import PATIENCE
from providers.postgres.seed import read_csv

_COLUMNS = (
    "product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock, units_on_order,"
    " reorder_level, discontinued, version"
)
_CATEGORY_COLUMNS = "category_id, category_name, description"
_SUPPLIER_COLUMNS = (
    "supplier_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone, fax,"
    " homepage"
)

_ID = TypeAdapter(tuple[Id])
_NAME_AND_ID = TypeAdapter(tuple[Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")], Id])
_PRICE_AND_ID = TypeAdapter(tuple[Money, Id])
_STOCK_AND_ID = TypeAdapter(tuple[Count, Id])
_NAME = ("product_name_order", "product_id")
_PRICE = ("unit_price", "product_id")
_STOCK = ("units_in_stock", "product_id")
_ORDERS = {
    ProductSort.ID: Order(("product_id",), _ID),
    ProductSort.ID_DESC: Order(("product_id",), _ID, descending=True),
    ProductSort.NAME: Order(_NAME, _NAME_AND_ID),
    ProductSort.NAME_DESC: Order(_NAME, _NAME_AND_ID, descending=True),
    ProductSort.PRICE: Order(_PRICE, _PRICE_AND_ID),
    ProductSort.PRICE_DESC: Order(_PRICE, _PRICE_AND_ID, descending=True),
    ProductSort.STOCK: Order(_STOCK, _STOCK_AND_ID),
    ProductSort.STOCK_DESC: Order(_STOCK, _STOCK_AND_ID, descending=True),
}
_CATEGORIES_BY_ID = Order(("category_id",), _ID)
_SUPPLIERS_BY_ID = Order(("supplier_id",), _ID)

_REFERENCES = {
    "products_category_id_fkey": ("category_id", ProductReason.UNKNOWN_CATEGORY, "there is no such category"),
    "products_supplier_id_fkey": ("supplier_id", ProductReason.UNKNOWN_SUPPLIER, "there is no such supplier"),
}
_SEEDS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("categories", "category_id", Category),
    ("suppliers", "supplier_id", Supplier),
    ("products", "product_id", Product),
)


class Catalogue:
    """The tables `products`, `categories` and `suppliers`."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self, product_id: int) -> Product:
        """The product. Raises NotFound."""
        row = await self._database.fetchrow(f"SELECT {_COLUMNS} FROM products WHERE product_id = $1", product_id)
        if row is None:
            raise not_found(product_id)
        return _product(row)

    async def find_many(self, product_ids: Collection[int]) -> dict[int, Product]:
        """Those of the products that there are, by id."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM products WHERE product_id = ANY($1)", list(product_ids)
        )
        return {row["product_id"]: _product(row) for row in rows}

    async def list(self, request: ListProducts) -> ProductPage:
        """A page of the products that match. Raises Invalid for a cursor of another list."""
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
        # As text and not as values: only so do their partial indexes serve.
        if request.discontinued is not None:
            select.where("discontinued" if request.discontinued else "NOT discontinued")
        if request.low_stock is not None:
            select.where("units_in_stock <= reorder_level" if request.low_stock else "units_in_stock > reorder_level")
        rows, next_cursor = await self._page(select, _ORDERS[request.sort], request.limit, request.cursor)
        return ProductPage.model_validate({"items": [*map(dict, rows)], "next_cursor": next_cursor})

    async def create(self, new: CreateProduct) -> Product:
        """The new product. Raises Invalid for a category or a supplier that is not there."""
        values = _with_folded(new.model_dump())
        with _known_references():
            [row] = await self._database.fetch(f"{_insert('products', values)} RETURNING {_COLUMNS}", *values.values())
        return _product(row)

    async def update(self, product_id: int, expected_version: int, changes: Mapping[str, Any]) -> Product:
        """The product with the changes, by column, made.

        Raises NotFound, Conflict for another version, Invalid for a category or a supplier that is not there.
        """
        values = _with_folded(changes)
        assignments = ", ".join(f"{column} = ${number}" for number, column in enumerate(values, start=3))
        with _known_references("patch."):
            row = await self._database.fetchrow(
                f"UPDATE products SET {assignments}, version = version + 1, updated_at = now()"
                f" WHERE product_id = $1 AND version = $2 RETURNING {_COLUMNS}",
                product_id,
                expected_version,
                *values.values(),
            )
        if row is None:
            raise _other_version(await self.get(product_id), expected_version)
        return _product(row)

    async def discontinue(self, product_id: int, expected_version: int | None) -> Product:
        """The product, marked now or before. Raises NotFound, and Conflict for another version."""
        row = await self._database.fetchrow(
            "UPDATE products SET discontinued = true, version = version + 1, updated_at = now()"
            " WHERE product_id = $1 AND NOT discontinued AND ($2::integer IS NULL OR version = $2)"
            f" RETURNING {_COLUMNS}",
            product_id,
            expected_version,
        )
        if row is not None:
            return _product(row)
        product = await self.get(product_id)
        if not product.discontinued:
            raise _other_version(product, expected_version)
        return product

    async def list_categories(self, request: ListCategories) -> CategoryPage:
        """A page of the categories. Raises Invalid for a cursor of another list."""
        select = Select(_CATEGORY_COLUMNS, "categories")
        rows, next_cursor = await self._page(select, _CATEGORIES_BY_ID, request.limit, request.cursor)
        return CategoryPage.model_validate({"items": [*map(dict, rows)], "next_cursor": next_cursor})

    async def list_suppliers(self, request: ListSuppliers) -> SupplierPage:
        """A page of the suppliers. Raises Invalid for a cursor of another list."""
        select = Select(_SUPPLIER_COLUMNS, "suppliers")
        rows, next_cursor = await self._page(select, _SUPPLIERS_BY_ID, request.limit, request.cursor)
        return SupplierPage.model_validate({"items": [*map(dict, rows)], "next_cursor": next_cursor})

    async def get_supplier(self, supplier_id: int) -> Supplier:
        """The supplier. Raises NotFound."""
        row = await self._database.fetchrow(
            f"SELECT {_SUPPLIER_COLUMNS} FROM suppliers WHERE supplier_id = $1", supplier_id
        )
        if row is None:
            raise NotFound(ProductReason.SUPPLIER_NOT_FOUND, f"there is no supplier {supplier_id}")
        return _supplier(row)

    async def _page(
        self, select: Select, order: Order, limit: int, cursor: str | None
    ) -> tuple[Sequence[Record], str | None]:
        try:
            return await select.page(self._database, order, limit, cursor)
        except InvalidCursor as error:
            raise Invalid.field("cursor", ProductReason.INVALID_CURSOR, str(error)) from error


async def seed(connection: Connection) -> None:
    """Northwind's categories, suppliers and products, beside whatever the tables have."""
    for table, key, model in _SEEDS:
        # The contract's types turn a file's text into numbers and booleans.
        rows = [model.model_validate({**row, "version": 1}).model_dump() for row in read_csv("products_svc", table)]
        rows = [_with_folded(row) for row in rows]
        await connection.executemany(
            f"{_insert(table, rows[0])} ON CONFLICT DO NOTHING", [tuple(row.values()) for row in rows]
        )
        await connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}")


async def fold_anew(connection: Connection) -> None:
    """Fold every product's name again, where an older version did it otherwise."""
    sql = "SELECT product_id, product_name, product_name_folded FROM products"
    rows = connection.cursor(sql, prefetch=1000, timeout=PATIENCE)
    stale = [row async for row in rows if fold(row["product_name"]) != row["product_name_folded"]]
    await connection.executemany(
        "UPDATE products SET product_name_folded = $2 WHERE product_id = $1",
        [(row["product_id"], fold(row["product_name"])) for row in stale],
        timeout=PATIENCE,
    )


STEPS: Final = {"0003_order_by_a_part.sql": fold_anew}


def _product(row: Record) -> Product:
    return Product.model_validate(dict(row))


def _supplier(row: Record) -> Supplier:
    return Supplier.model_validate(dict(row))


def _with_folded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by column, with the folded name where there is a name: it is searched, its beginning ordered by."""
    if "product_name" not in values:
        return dict(values)
    return {**values, "product_name_folded": fold(values["product_name"])}


def _insert(table: str, values: Mapping[str, Any]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"


@contextmanager
def _known_references(path: str = "") -> Iterator[None]:
    """Say of a category or a supplier that is not there which field names it; `path` leads to the field."""
    try:
        yield
    except asyncpg.ForeignKeyViolationError as error:
        field, reason, message = _REFERENCES[error.constraint_name or ""]
        raise Invalid.field(f"{path}{field}", reason, message) from error


def not_found(product_id: int) -> NotFound:
    """What the caller hears of a product that is not there."""
    return NotFound(ProductReason.NOT_FOUND, f"there is no product {product_id}")


def _other_version(product: Product, expected: int | None) -> Conflict:
    return Conflict(
        ProductReason.VERSION_MISMATCH,
        f"product {product.product_id} is in version {product.version}, not in {expected}",
    )
