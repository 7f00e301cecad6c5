"""The payloads of `products.*`: products, their categories and their suppliers."""

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
    Reply,
    Request,
    Search,
    Version,
    absent,
    many,
    text,
)

ProductName = Annotated[str, text(80)]
QuantityPerUnit = Annotated[str, text(40)]


class ProductReason(StrEnum):
    """Why a products endpoint refuses."""

    NOT_FOUND = "product_not_found"
    SUPPLIER_NOT_FOUND = "supplier_not_found"
    UNKNOWN_CATEGORY = "unknown_category"
    UNKNOWN_SUPPLIER = "unknown_supplier"
    VERSION_MISMATCH = "version_mismatch"
    STOCK_OUT_OF_RANGE = "stock_out_of_range"
    NOTHING_RESERVED = "nothing_reserved"
    INVALID_CURSOR = "invalid_cursor"
    KEY_REUSED = "idempotency_key_reused"


class ProductSort(StrEnum):
    """The orders of the products list; `-` is descending, and the key breaks ties."""

    ID = "product_id"
    ID_DESC = "-product_id"
    NAME = "product_name"
    NAME_DESC = "-product_name"
    PRICE = "unit_price"
    PRICE_DESC = "-unit_price"
    STOCK = "units_in_stock"
    STOCK_DESC = "-units_in_stock"


class Product(Reply):
    """A product of the catalogue; `unit_price` is a decimal string on the wire."""

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


class ProductPage(Reply):
    """A part of the products list."""

    items: Items[Product]
    next_cursor: str | None


class ProductsFound(Reply):
    """The products that were found, in the order of the ids asked for, and the ids that nothing has."""

    items: Items[Product]
    missing: Items[int]


class GetProduct(Request):
    """One product by id."""

    product_id: Id


class GetProducts(Request):
    """Up to 200 products by id."""

    product_ids: Annotated[tuple[Id, ...], many(200), NOT_EMPTY]


class ListProducts(Request):
    """Products that match every given filter.

    `q` is found anywhere in the name, without regard to case and accents. `min_price` and `max_price` include their
    bounds. `low_stock`: whether the units in stock are at or below the reorder level.
    """

    category_id: Id | None = None
    supplier_id: Id | None = None
    q: Search | None = None
    min_price: Money | None = None
    max_price: Money | None = None
    discontinued: bool | None = None
    low_stock: bool | None = None
    sort: ProductSort = ProductSort.ID
    limit: Limit = 50
    cursor: Cursor | None = None


class CreateProduct(Request):
    """A new product; its id is given to it."""

    product_name: ProductName
    supplier_id: Id | None = None
    category_id: Id | None = None
    quantity_per_unit: QuantityPerUnit | None = None
    unit_price: Money
    units_in_stock: Count = 0
    units_on_order: Count = 0
    reorder_level: Count = 0


class ProductPatch(Patch):
    """The fields of a product that may change."""

    product_name: ProductName = absent()
    supplier_id: Id | None = absent()
    category_id: Id | None = absent()
    quantity_per_unit: QuantityPerUnit | None = absent()
    unit_price: Money = absent()
    units_in_stock: Count = absent()
    units_on_order: Count = absent()
    reorder_level: Count = absent()


class UpdateProduct(Request):
    """Change a product, if it still is in the version that the caller has seen."""

    product_id: Id
    expected_version: Version
    patch: ProductPatch


class DiscontinueProduct(Request):
    """Sell a product no more; it stays in the catalogue, marked. Twice is no error."""

    product_id: Id
    expected_version: Version | None = None


class Category(Reply):
    """A category of products."""

    category_id: int
    category_name: str
    description: str | None


class CategoryPage(Reply):
    """A part of the categories list, by id."""

    items: Items[Category]
    next_cursor: str | None


class ListCategories(Request):
    """Categories by id."""

    limit: Limit = 50
    cursor: Cursor | None = None


class Supplier(Reply):
    """A supplier of products; null where nothing is known."""

    supplier_id: int
    company_name: str
    contact_name: str | None
    contact_title: str | None
    address: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None
    phone: str | None
    fax: str | None
    homepage: str | None


class SupplierPage(Reply):
    """A part of the suppliers list, by id."""

    items: Items[Supplier]
    next_cursor: str | None


class GetSupplier(Request):
    """One supplier by id."""

    supplier_id: Id


class ListSuppliers(Request):
    """Suppliers by id."""

    limit: Limit = 50
    cursor: Cursor | None = None
