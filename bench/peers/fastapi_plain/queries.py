"""What is asked of PostgreSQL, by this peer's workers and by FastStream's."""

import base64

import asyncpg
from shapes import Customer, ListProducts, Product, ProductPage

_CUSTOMER = """
    SELECT customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone,
           fax, version, created_at, updated_at, archived_at
    FROM customers WHERE customer_id = $1 AND archived_at IS NULL
"""
_PRODUCTS = """
    SELECT product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock,
           units_on_order, reorder_level, discontinued, version, created_at, updated_at
    FROM products WHERE product_id > $1 {condition} ORDER BY product_id LIMIT $2
"""


async def customer(pool: asyncpg.Pool, customer_id: str) -> Customer | None:
    row = await pool.fetchrow(_CUSTOMER, customer_id)
    return Customer(**row) if row else None


async def products(pool: asyncpg.Pool, asked: ListProducts) -> ProductPage:
    after = int(base64.urlsafe_b64decode(asked.cursor)) if asked.cursor else 0
    values = [after, asked.limit + 1]
    condition = ""
    if asked.category_id is not None:
        condition = "AND category_id = $3"
        values.append(asked.category_id)
    rows = await pool.fetch(_PRODUCTS.format(condition=condition), *values)
    items = [Product(**row) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    cursor = base64.urlsafe_b64encode(str(items[-1].product_id).encode()).decode() if more else None
    return ProductPage(items=items, next_cursor=cursor)
