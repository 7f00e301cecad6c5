"""The payloads of `products.*` that are about products themselves."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from contracts.base import (
    NOT_EMPTY,
    Count,
    Cursor,
    Id,
    Items,
    Limit,
    Money,
    MoneyRead,
    Patch,
    Reason,
    Reply,
    Request,
    Search,
    Timestamp,
    Version,
    absent,
    many,
    sort_keys,
    text,
)

ProductName = Annotated[str, text(80)]
QuantityPerUnit = Annotated[str, text(40)]


class ProductReason(Reason):
    """Reasons of the faults of products."""

    NOT_FOUND = "not_found", "product_not_found"
    CATEGORY_NOT_FOUND = "not_found", "category_not_found"
    SUPPLIER_NOT_FOUND = "not_found", "supplier_not_found"
    UNKNOWN_CATEGORY = "invalid_argument", "unknown_category"
    UNKNOWN_SUPPLIER = "invalid_argument", "unknown_supplier"
    SELECTION_REQUIRED = "invalid_argument", "selection_required"
    TOO_MANY_PRODUCTS = "conflict", "too_many_products"
    PRICE_OUT_OF_RANGE = "conflict", "price_out_of_range"
    VERSION_MISMATCH = "conflict", "version_mismatch"
    STOCK_OUT_OF_RANGE = "conflict", "stock_out_of_range"
    NOTHING_RESERVED = "not_found", "nothing_reserved"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"


class ProductSort(StrEnum):
    """The products list sorted by one field. `-` sorts descending; the id breaks ties."""

    ID = "product_id"
    ID_DESC = "-product_id"
    NAME = "product_name"
    NAME_DESC = "-product_name"
    PRICE = "unit_price"
    PRICE_DESC = "-unit_price"
    STOCK = "units_in_stock"
    STOCK_DESC = "-units_in_stock"


ProductOrder = Annotated[str, sort_keys(ProductSort)]
"""An order of the products list: up to three fields with commas between them."""


class Product(Reply):
    """A product of the catalogue. `unit_price` is a decimal string on the wire."""

    product_id: Id
    product_name: str
    supplier_id: int | None
    category_id: int | None
    quantity_per_unit: str | None
    unit_price: MoneyRead
    units_in_stock: int
    units_on_order: int
    reorder_level: int
    discontinued: bool
    version: Version
    created_at: datetime | None = None
    updated_at: datetime | None = None
    """When it got this version."""


class ProductPage(Reply):
    """A page of the products list."""

    items: Items[Product]
    next_cursor: str | None
    total: Count | None = None
    """How many match on all pages, if the request has `count`."""
    total_estimated: bool = False
    """Whether `total` is an estimate."""


class ProductsFound(Reply):
    """The products that exist, in the order of the request, and the ids that do not."""

    items: Items[Product]
    missing: Items[int]


class GetProduct(Request):
    """Get one product by id."""

    product_id: Id


class GetProducts(Request):
    """Get up to 200 products by id."""

    product_ids: Annotated[tuple[Id, ...], many(200), NOT_EMPTY]


class ListProducts(Request):
    """List the products that match every given filter.

    `q` finds text in the name; case and accents are ignored. `min_price` and `max_price` are inclusive. `low_stock`
    selects by whether the units in stock are at or below the reorder level. `sort` has up to three fields with commas
    between them: `unit_price,-product_name`. `-` sorts descending. The id breaks ties.

    `created_after` and `updated_after` find products of this moment or later, `created_before` and `updated_before`
    those from before it.

    `count` asks for the total of all pages: exact up to 10,000, or else PostgreSQL's estimate.
    """

    category_id: Id | None = None
    supplier_id: Id | None = None
    q: Search | None = None
    min_price: Money | None = None
    max_price: Money | None = None
    discontinued: bool | None = None
    low_stock: bool | None = None
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    updated_after: Timestamp | None = None
    updated_before: Timestamp | None = None
    sort: ProductOrder = ProductSort.ID.value
    limit: Limit = 50
    cursor: Cursor | None = None
    count: bool = False


class CreateProduct(Request):
    """Create a product. The service assigns its id."""

    product_name: ProductName
    supplier_id: Id | None = None
    category_id: Id | None = None
    quantity_per_unit: QuantityPerUnit | None = None
    unit_price: Money
    units_in_stock: Count = 0
    units_on_order: Count = 0
    reorder_level: Count = 0


class ProductPatch(Patch):
    """The fields of a product to change."""

    product_name: ProductName = absent()
    supplier_id: Id | None = absent()
    category_id: Id | None = absent()
    quantity_per_unit: QuantityPerUnit | None = absent()
    unit_price: Money = absent()
    units_in_stock: Count = absent()
    units_on_order: Count = absent()
    reorder_level: Count = absent()


class UpdateProduct(Request):
    """Change a product if its version is `expected_version`."""

    product_id: Id
    expected_version: Version
    patch: ProductPatch


class DiscontinueProduct(Request):
    """Discontinue a product: it stays in the catalogue, marked. Repeating this has no effect."""

    product_id: Id
    expected_version: Version | None = None


class RestoreProduct(Request):
    """Sell a discontinued product again. Repeating this has no effect."""

    product_id: Id
    expected_version: Version | None = None


class ProductChanged(Reply):
    """A product was created, changed, discontinued or restored, or its units in stock changed. It has this version now.

    A change of its reserved units alone is not announced.
    """

    product_id: Id
    version: Version
