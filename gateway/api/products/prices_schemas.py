"""The shapes of the prices of products."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import products_prices as prices
from contracts.base import Id, Items, Request, Version
from contracts.products_prices import MOST_CHANGES, ChangeBy, Difference
from gateway.api.schemas import MoneyShown, Shown

_PRICE: JsonDict = {
    "price_id": 78,
    "unit_price": "19.80",
    "previous_price": "18.00",
    "user_id": "0c8e5b7f3f6d4f0e9f7a1d2c3b4a5968",
    "request_id": "7b8491522e55404987d3d9cf63579d81",
    "at": "2026-07-01T09:30:00Z",
}
_TEN_PERCENT: JsonDict = {"category_id": 1, "by": "percent", "change": "10", "dry_run": True}


class Price(Shown[prices.Price]):
    """A price of a product since `at`. `user_id` and `request_id` are null if no request has set it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PRICE]})

    price_id: Id
    unit_price: MoneyShown
    previous_price: Annotated[MoneyShown | None, Field(description="Null for the first price.")]
    user_id: str | None
    request_id: str | None
    at: datetime


class PricePage(Shown[prices.PricePage]):
    """A page of the prices of a product, newest first. The last page has no `next_cursor`."""

    items: Items[Price]
    next_cursor: str | None


class PriceChange(Shown[prices.PriceChange]):
    """A product whose price changes. `version` is the product's: after the change, or now if it is a dry run."""

    product_id: Id
    previous_price: MoneyShown
    unit_price: MoneyShown
    version: Version


class PricesChanged(Shown[prices.PricesChanged]):
    """The products whose prices change, by id."""

    dry_run: bool
    prices: Annotated[tuple[PriceChange, ...], Field(max_length=MOST_CHANGES)]


class BulkChange(Request):
    """A change of the prices of all products of a category, of a supplier, or of both at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEN_PERCENT]})

    category_id: Id | None = None
    supplier_id: Id | None = None
    by: Annotated[ChangeBy, Field(strict=False)]
    change: Difference
    dry_run: Annotated[bool, Field(description="Show the new prices, and change nothing.")] = False
    at_most: Annotated[int, Field(ge=1, le=MOST_CHANGES, description="Refuse the change if more products match.")] = (
        MOST_CHANGES
    )

    def to_contract(self) -> prices.BulkChange:
        """The request to the service."""
        return prices.BulkChange(**self.model_dump(exclude_unset=True))
