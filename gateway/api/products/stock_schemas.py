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
    """The units of a product: in the warehouse, reserved by orders, and available (the difference)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STOCK]})

    product_id: Id
    units_in_stock: Count
    units_reserved: Count
    units_available: Count


class Movement(Shown[stock.Movement]):
    """A change of a product's stock: by how many units in stock, by how many reserved, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MOVEMENT]})

    movement_id: Id
    kind: MovementKind
    in_stock: int
    reserved: int
    order_id: int | None
    user_id: Annotated[str | None, Field(description="The administrator who moved the units. Null if an order did.")]
    reason: str | None
    at: datetime


class MovementPage(Shown[stock.MovementPage]):
    """A page of the movements, newest first. The last page has no `next_cursor`."""

    items: Items[Movement]
    next_cursor: str | None


class GoodsReceived(Request):
    """Goods that have arrived."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 24, "reason": "delivery note 4711"}]})

    quantity: Units
    reason: Why


class StockAdjustment(Request):
    """A correction of the units in stock, up or down."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"change": -3, "reason": "broken in the warehouse"}]})

    change: Change
    reason: Why
