"""The shapes of `/v1/cart`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import carts
from contracts.base import Id, Request, Version
from contracts.carts import CartChange
from contracts.orders import MOST_LINES, Quantity
from gateway.api.schemas import MoneyShown, Shown, TotalShown

_ITEM: JsonDict = {
    "product_id": 1,
    "product_name": "Chai",
    "quantity": 2,
    "unit_price": "19.50",
    "amount": "39.00",
    "discontinued": False,
    "was": {"product_name": "Chai", "unit_price": "18.00"},
    "changes": ["unit_price"],
}


class ProductWas(Shown[carts.ProductWas]):
    """A product as it was when it was put into the cart."""

    product_name: str
    unit_price: MoneyShown


class CartItem(Shown[carts.CartItem]):
    """Units of one product, at its current name and price."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ITEM]})

    product_id: Id
    product_name: str
    quantity: int
    unit_price: Annotated[MoneyShown | None, Field(description="Null if the current price is unknown.")]
    amount: Annotated[
        TotalShown | None,
        Field(description="unit_price * quantity. Null if there is no price or the product is discontinued."),
    ]
    discontinued: Annotated[bool | None, Field(description="Null if the current value is unknown.")]
    was: Annotated[ProductWas, Field(description="The product when it was put into the cart.")]
    changes: Annotated[
        tuple[CartChange, ...], Field(max_length=len(CartChange), description="What differs from `was`.")
    ]


class Cart(Shown[carts.Cart]):
    """The cart of the current user. A user who has no cart yet gets an empty one with version 1."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [_ITEM],
                    "total": "39.00",
                    "prices_current": True,
                    "expires_at": "2026-07-31T09:30:00Z",
                    "version": 2,
                }
            ]
        }
    )

    items: Annotated[tuple[CartItem, ...], Field(max_length=MOST_LINES)]
    total: Annotated[TotalShown | None, Field(description="The sum of the amounts. Null without current prices.")]
    prices_current: Annotated[
        bool, Field(description="False while the catalogue does not answer. Then no item has a price.")
    ]
    expires_at: Annotated[
        datetime | None,
        Field(description="When the cart is deleted. Each change postpones this. Null if there is no cart."),
    ]
    version: Version


class ItemQuantity(Request):
    """The quantity of the product in the cart."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 2}]})

    quantity: Quantity
