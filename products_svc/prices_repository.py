"""Prices in PostgreSQL: their history, and changes of many at once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from contracts.base import Id
from contracts.products import ProductReason
from contracts.products_prices import BulkChange, ListPrices, PriceChange, PricePage, PricesChanged
from mesh.core.errors import Conflict, Invalid
from products_svc.faults import invalid_cursor, not_found
from products_svc.pricing import HIGHEST_PRICE, changed_price
from products_svc.stock_repository import announce
from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.database import Statements
from providers.postgres.keyset import Order, Select
from subjects import PRODUCTS_PRICES_LIST
from worker.postgres import name_caller

_NEWEST_FIRST: Final = Order(("price_id",), TypeAdapter(tuple[Id]), descending=True)
_MATCHING: Final = """
    SELECT product_id, unit_price, version FROM products
    WHERE NOT discontinued AND ($1::integer IS NULL OR category_id = $1) AND ($2::integer IS NULL OR supplier_id = $2)
    ORDER BY product_id LIMIT $3
"""
_LOCKED: Final = f"{_MATCHING} FOR UPDATE"  # in the order of W-STATE-6
_CHANGE: Final = """
    UPDATE products SET unit_price = line.unit_price, version = line.version, updated_at = now()
    FROM unnest($1::integer[], $2::numeric[], $3::integer[]) AS line (product_id, unit_price, version)
    WHERE products.product_id = line.product_id
"""
_PRODUCT: Final = "SELECT FROM products WHERE product_id = $1"
_CATEGORY: Final = "SELECT FROM categories WHERE category_id = $1"
_SUPPLIER: Final = "SELECT FROM suppliers WHERE supplier_id = $1"


class Prices:
    """The table `product_prices`, which a trigger writes, and the prices in `products`."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def list(self, request: ListPrices) -> PricePage:
        """A page of a product's prices, the newest first. Raises NotFound, Invalid for a cursor of another list."""
        if await self._database.fetchrow(_PRODUCT, request.product_id) is None:
            raise not_found(request.product_id)
        columns = "price_id, unit_price, previous_price, user_id, request_id, at"
        select = Select(columns, "product_prices")
        select.equal("product_id", request.product_id)
        try:
            page = Page.of(PRODUCTS_PRICES_LIST.subject, request)
            rows, following = await select.page(self._database, _NEWEST_FIRST, page)
        except InvalidCursor as error:
            raise invalid_cursor(str(error)) from error
        return PricePage.model_validate({"items": [*map(dict, rows)], "next_cursor": following})

    async def change(self, request: BulkChange) -> PricesChanged:
        """The prices that change, in one transaction.

        Raises Invalid if neither a category nor a supplier is given or one is unknown, and Conflict if too many
        products match or a price would be out of range.
        """
        await self._refuse_unknown(request)
        matching = _MATCHING if request.dry_run else _LOCKED
        rows = await self._database.fetch(matching, request.category_id, request.supplier_id, request.at_most + 1)
        if len(rows) > request.at_most:
            detail = f"more than {request.at_most} products match"
            raise Conflict(ProductReason.TOO_MANY_PRODUCTS, detail)
        prices = tuple(_changes(map(dict, rows), request))
        if prices and not request.dry_run:
            await self._write(prices)
        return PricesChanged(dry_run=request.dry_run, prices=prices)

    async def _refuse_unknown(self, request: BulkChange) -> None:
        if request.category_id is None and request.supplier_id is None:
            detail = "give a category_id or a supplier_id"
            raise Invalid.field("category_id", ProductReason.SELECTION_REQUIRED, detail)
        if request.category_id is not None and not await self._database.fetch(_CATEGORY, request.category_id):
            raise Invalid.field("category_id", ProductReason.UNKNOWN_CATEGORY, "unknown category")
        if request.supplier_id is not None and not await self._database.fetch(_SUPPLIER, request.supplier_id):
            raise Invalid.field("supplier_id", ProductReason.UNKNOWN_SUPPLIER, "unknown supplier")

    async def _write(self, prices: tuple[PriceChange, ...]) -> None:
        await name_caller(self._database)
        await self._database.fetch(
            _CHANGE,
            [price.product_id for price in prices],
            [price.unit_price for price in prices],
            [price.version for price in prices],
        )
        for price in prices:
            await announce(self._database, price.product_id, price.version)


def _changes(rows: Iterable[Mapping[str, Any]], request: BulkChange) -> Iterator[PriceChange]:
    """The rows whose prices change. Raises Conflict if one would be out of range."""
    for row in rows:
        price = changed_price(row["unit_price"], request.by, request.change)
        if price is None:
            detail = f"the price of product {row['product_id']} would not be between 0.00 and {HIGHEST_PRICE}"
            raise Conflict(ProductReason.PRICE_OUT_OF_RANGE, detail)
        if price != row["unit_price"]:
            version = row["version"] if request.dry_run else row["version"] + 1
            yield PriceChange(
                product_id=row["product_id"], previous_price=row["unit_price"], unit_price=price, version=version
            )
