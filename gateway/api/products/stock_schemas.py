"""The shapes of `/v1/products/{product_id}/stock`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import products_stock as stock
from contracts.base import Count, Id, Items, Request
from contracts.products_stock import Change, MovementKind, Units, Why
from gateway.api.schemas import Shown

_STOCK: JsonDict = {"product_id": 1, "units_in_stock": 39, "units_reserved": 2, "units_available": 37}
_MOVEMENT: JsonDict = {
    "movement_id": 1,
    "kind": "received",
    "in_stock": 24,
    "reserved": 0,
    "order_id": None,
    "user_id": "0c8e5b7f3f6d4f0e9f7a1d2c3b4a5968",
    "reason": "delivery note 4711",
    "at": "2026-07-01T09:30:00Z",
}


class Stock(Shown[stock.Stock]):
    """A product's units: in the warehouse, those of them that orders have reserved, and the rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STOCK]})

    product_id: Id
    units_in_stock: Count
    units_reserved: Count
    units_available: Count


class Movement(Shown[stock.Movement]):
    """By how many units the stock of a product and the reserved part of it changed, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MOVEMENT]})

    movement_id: Id
    kind: MovementKind
    in_stock: int
    reserved: int
    order_id: int | None
    user_id: Annotated[str | None, Field(description="The administrator who moved them.")]
    reason: str | None
    at: datetime


class MovementPage(Shown[stock.MovementPage]):
    """A part of the list of movements; without `next_cursor` it is the last."""

    items: Items[Movement]
    next_cursor: str | None


class GoodsReceived(Request):
    """Goods that have arrived."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 24, "reason": "delivery note 4711"}]})

    quantity: Units
    reason: Why


class StockAdjustment(Request):
    """A correction by so many units, up or down."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"change": -3, "reason": "broken in the warehouse"}]})

    change: Change
    reason: Why
