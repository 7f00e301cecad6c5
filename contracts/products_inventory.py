"""The payloads of the inventory: its value, statistics of each category, and what to reorder."""

from contracts.base import Count, Cursor, Id, Items, Limit, MoneyRead, Reply, Request, ValueRead


class Inventory(Reply):
    """All products together, discontinued ones included."""

    products: Count
    discontinued: Count
    low_stock: Count
    """Products that are still sold, with units in stock at or below the reorder level."""
    units_in_stock: int
    inventory_value: ValueRead
    """Units in stock at their current prices."""


class CategoryStatistics(Reply):
    """The products of a category, discontinued ones included. Prices are null if it has none."""

    category_id: Id
    category_name: str
    products: Count
    discontinued: Count
    low_stock: Count
    """Products that are still sold, with units in stock at or below the reorder level."""
    units_in_stock: int
    inventory_value: ValueRead
    """Units in stock at their current prices."""
    lowest_price: MoneyRead | None
    average_price: MoneyRead | None
    """Rounded half up to cents. Each product counts once, however many units there are."""
    highest_price: MoneyRead | None


class CategoryStatisticsPage(Reply):
    """A page of the statistics of categories, by id."""

    items: Items[CategoryStatistics]
    next_cursor: str | None


class Reorder(Reply):
    """A suggestion to order `quantity` units, which fill the stock to twice its reorder level."""

    product_id: Id
    product_name: str
    supplier_id: int | None
    units_in_stock: Count
    units_reserved: Count
    units_on_order: Count
    reorder_level: Count
    quantity: int


class ReorderPage(Reply):
    """A page of the suggestions, by product."""

    items: Items[Reorder]
    next_cursor: str | None


class GetInventory(Request):
    """Get the value of all goods in stock, and how many products there are."""


class ListCategoryStatistics(Request):
    """List the statistics of each category, by id. Products without a category are in none of them."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ListReorders(Request):
    """List the products to reorder, by id.

    These are the products that are still sold, have a reorder level, and whose available units and units on order
    together are at or below that level. Units that orders have reserved are not available.
    """

    supplier_id: Id | None = None
    limit: Limit = 50
    cursor: Cursor | None = None
