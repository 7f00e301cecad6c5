"""The shapes of `/v1/products`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import products
from contracts.base import Count, Id, Items, Money, Patch, Request, Search, Version, absent
from contracts.products import ProductName, ProductOrder, ProductSort, QuantityPerUnit
from gateway.api.picking import Numbers
from gateway.api.schemas import (
    DATES_SHOWN,
    CreatedAfter,
    CreatedBefore,
    Flag,
    InDigits,
    MoneyShown,
    PageCursor,
    PageLimit,
    Query,
    Shown,
    Total,
    TotalEstimated,
    UpdatedAfter,
    UpdatedBefore,
    WithTotal,
)

_NEW_CHAI: JsonDict = {
    "product_name": "Chai",
    "supplier_id": 1,
    "category_id": 1,
    "quantity_per_unit": "10 boxes x 20 bags",
    "unit_price": "18.00",
    "units_in_stock": 39,
    "units_on_order": 0,
    "reorder_level": 10,
}
_CHAI: JsonDict = {"product_id": 1, **_NEW_CHAI, "discontinued": False, "version": 1, **DATES_SHOWN}


class Product(Shown[products.Product]):
    """A product. Its price is a decimal string: binary fractions are not exact."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHAI]})

    product_id: Id
    product_name: str
    supplier_id: int | None
    category_id: int | None
    quantity_per_unit: str | None
    unit_price: MoneyShown
    units_in_stock: int
    units_on_order: int
    reorder_level: int
    discontinued: bool
    version: Version
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ProductPage(Shown[products.ProductPage]):
    """A page of the products list. The last page has no `next_cursor`."""

    items: Items[Product]
    next_cursor: str | None
    total: Total = None
    total_estimated: TotalEstimated = False


class ProductsFound(Shown[products.ProductsFound]):
    """The products of `ids` that exist."""

    items: Items[Product]


class ProductQuery(Query):
    """Filters, order and page of the products list."""

    category_id: Annotated[Id | None, InDigits] = None
    supplier_id: Annotated[Id | None, InDigits] = None
    q: Annotated[Search | None, Field(description="Text in the name. Case and accents are ignored.")] = None
    min_price: Annotated[Money | None, Field(description="Lowest price.")] = None
    max_price: Annotated[Money | None, Field(description="Highest price.")] = None
    discontinued: Flag | None = None
    low_stock: Annotated[Flag | None, Field(description="Whether stock is at or below the reorder level.")] = None
    created_after: CreatedAfter = None
    created_before: CreatedBefore = None
    updated_after: UpdatedAfter = None
    updated_before: UpdatedBefore = None
    sort: Annotated[
        ProductOrder,
        Field(
            description="Up to three of `product_id`, `product_name`, `unit_price`, `units_in_stock`, with commas"
            " between them. `-` sorts descending.",
            examples=["units_in_stock,-unit_price"],
        ),
    ] = ProductSort.ID.value
    limit: PageLimit = 50
    cursor: PageCursor = None
    count: WithTotal = False
    ids: Numbers = None

    def to_contract(self) -> products.ListProducts:
        """The request to the service."""
        return products.ListProducts(**self.model_dump(exclude_unset=True))


class NewProduct(Request):
    """A product to create. The service assigns its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_CHAI]})

    product_name: ProductName
    supplier_id: Id | None = None
    category_id: Id | None = None
    quantity_per_unit: QuantityPerUnit | None = None
    unit_price: Money
    units_in_stock: Count = 0
    units_on_order: Count = 0
    reorder_level: Count = 0

    def to_contract(self) -> products.CreateProduct:
        """The request to the service."""
        return products.CreateProduct(**self.model_dump(exclude_unset=True))


class ProductChange(Patch):
    """The fields to change. Null clears a field; an omitted one stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"unit_price": "19.50", "reorder_level": 15}]})

    product_name: ProductName = absent()
    supplier_id: Id | None = absent()
    category_id: Id | None = absent()
    quantity_per_unit: QuantityPerUnit | None = absent()
    unit_price: Money = absent()
    units_in_stock: Count = absent()
    units_on_order: Count = absent()
    reorder_level: Count = absent()

    def to_contract(self) -> products.ProductPatch:
        """The change as the service reads it."""
        return products.ProductPatch(**self.changes())


class ProductReplacement(Request):
    """A product as a whole. Its units must be given, so that none is lost; any other omitted field becomes null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_CHAI]})

    product_name: ProductName
    supplier_id: Id | None = None
    category_id: Id | None = None
    quantity_per_unit: QuantityPerUnit | None = None
    unit_price: Money
    units_in_stock: Count
    units_on_order: Count
    reorder_level: Count

    def to_contract(self) -> products.ProductPatch:
        """The change of every field, as the service reads it."""
        return products.ProductPatch(**self.model_dump())


class PageQuery(Query):
    """The page of a list without filters."""

    limit: PageLimit = 50
    cursor: PageCursor = None


class PickingQuery(PageQuery):
    """The same, or its items by id."""

    ids: Numbers = None
