"""`/v1/products/{product_id}/stock`: units in stock, and their movements."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts import products_stock as stock
from gateway.api.products.routes import ProductId
from gateway.api.products.schemas import PageQuery
from gateway.api.products.stock_schemas import GoodsReceived, MovementPage, Stock, StockAdjustment
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import PRODUCTS_STOCK_ADJUST, PRODUCTS_STOCK_GET, PRODUCTS_STOCK_MOVEMENTS, PRODUCTS_STOCK_RECEIVE

router = APIRouter(prefix="/v1/products/{product_id}/stock", tags=["products"], route_class=JsonRoute)


@router.get("", summary="Get a product's stock")
async def get_stock(
    product_id: ProductId, call: Call[stock.GetStock, Stock] = calls(PRODUCTS_STOCK_GET, Stock)
) -> Stock:
    """Get the units of a product: in stock, reserved for orders, and available."""
    return await call(stock.GetStock(product_id=product_id))


@router.get("/movements", summary="List a product's stock movements")
async def list_stock_movements(
    product_id: ProductId,
    page: Annotated[PageQuery, Query()],
    call: Call[stock.ListMovements, MovementPage] = calls(PRODUCTS_STOCK_MOVEMENTS, MovementPage),
) -> MovementPage:
    """List the movements of a product's stock, newest first."""
    return await call(stock.ListMovements(product_id=product_id, **page.model_dump(exclude_unset=True)))


@router.post("/receive", summary="Receive goods")
async def receive_goods(
    product_id: ProductId,
    body: GoodsReceived,
    call: Call[stock.ReceiveStock, Stock] = calls(PRODUCTS_STOCK_RECEIVE, Stock),
) -> Stock:
    """Add goods that have arrived to a product's stock."""
    return await call(stock.ReceiveStock(product_id=product_id, quantity=body.quantity, reason=body.reason))


@router.post("/adjust", summary="Adjust a product's stock")
async def adjust_stock(
    product_id: ProductId,
    body: StockAdjustment,
    call: Call[stock.AdjustStock, Stock] = calls(PRODUCTS_STOCK_ADJUST, Stock),
) -> Stock:
    """Correct the units in stock. 409 if the result would be lower than the units reserved."""
    return await call(stock.AdjustStock(product_id=product_id, change=body.change, reason=body.reason))
