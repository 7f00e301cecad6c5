"""The payloads of the prices of products: their history, and changes of many at once."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

from contracts.base import Cursor, Id, Items, Limit, MoneyRead, Reply, Request, Version

MOST_CHANGES: Final = 1000
"""Products whose prices one request can change."""
DIFFERENCE_PATTERN: Final = r"^-?(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$"
_DIFFERENCE: Final = re.compile(DIFFERENCE_PATTERN)


def _difference_as_text(value: object) -> object:
    if isinstance(value, Decimal) or (isinstance(value, str) and _DIFFERENCE.fullmatch(value)):
        return value
    if isinstance(value, str):
        raise PydanticCustomError("pattern", "must be a number such as -2.50: digits, with at most two decimals")
    raise PydanticKnownError("string_type")


Difference = Annotated[
    Decimal,
    Field(strict=False),
    BeforeValidator(_difference_as_text),
    WithJsonSchema({"type": "string", "pattern": DIFFERENCE_PATTERN, "examples": ["-2.50"]}),
]
"""What is added to a price, or taken from it: a decimal string on the wire."""


class Price(Reply):
    """A price of a product since `at`. `user_id` and `request_id` are null if no request has set it."""

    price_id: Id
    unit_price: MoneyRead
    previous_price: MoneyRead | None
    """Null for the first price."""
    user_id: str | None
    request_id: str | None
    at: datetime


class PricePage(Reply):
    """A page of the prices of a product, newest first."""

    items: Items[Price]
    next_cursor: str | None


class ListPrices(Request):
    """List the prices of one product, newest first."""

    product_id: Id
    limit: Limit = 50
    cursor: Cursor | None = None


class ChangeBy(StrEnum):
    """The unit of a change of prices."""

    PERCENT = "percent"
    AMOUNT = "amount"


class PriceChange(Reply):
    """A product whose price changes. `version` is the product's: after the change, or now if it is a dry run."""

    product_id: Id
    previous_price: MoneyRead
    unit_price: MoneyRead
    version: Version


class PricesChanged(Reply):
    """The products whose prices change, by id."""

    dry_run: bool
    prices: Annotated[tuple[PriceChange, ...], Field(max_length=MOST_CHANGES)]


class BulkChange(Request):
    """Change the prices of all products of a category, of a supplier, or of both at once.

    Prices are rounded half up to cents. Discontinued products keep their price. All prices change, or none. `dry_run`
    shows the new prices and changes nothing. The request is refused if more than `at_most` products match.
    """

    category_id: Id | None = None
    supplier_id: Id | None = None
    by: ChangeBy
    change: Difference
    dry_run: bool = False
    at_most: Annotated[int, Field(ge=1, le=MOST_CHANGES)] = MOST_CHANGES
