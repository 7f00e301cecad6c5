"""What crosses NATS and HTTP."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field


class GetCustomer(BaseModel):
    customer_id: Annotated[str, Field(pattern="^[A-Z]{5}$")]


class ListProducts(BaseModel):
    category_id: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=1024)] | None = None


class ShownCustomer(BaseModel):
    customer_id: str
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
    version: int
    created_at: datetime
    updated_at: datetime


class Customer(ShownCustomer):
    archived_at: datetime | None


class Product(BaseModel):
    product_id: int
    product_name: str
    supplier_id: int | None
    category_id: int | None
    quantity_per_unit: str | None
    unit_price: Decimal
    units_in_stock: int
    units_on_order: int
    reorder_level: int
    discontinued: bool
    version: int
    created_at: datetime
    updated_at: datetime


class ProductPage(BaseModel):
    items: list[Product]
    next_cursor: str | None
