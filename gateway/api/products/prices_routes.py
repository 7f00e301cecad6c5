"""`/v1/products/{product_id}/prices` and `/v1/prices/bulk_change`."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts import products_prices as prices
from gateway.api.products.prices_schemas import BulkChange, PricePage, PricesChanged
from gateway.api.products.routes import ProductId
from gateway.api.products.schemas import PageQuery
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import PRODUCTS_BULK_CHANGE, PRODUCTS_PRICES_LIST

router = APIRouter(prefix="/v1", tags=["products"], route_class=JsonRoute)


@router.get("/products/{product_id}/prices", summary="List a product's prices")
async def list_prices(
    product_id: ProductId,
    page: Annotated[PageQuery, Query()],
    call: Call[prices.ListPrices, PricePage] = calls(PRODUCTS_PRICES_LIST, PricePage),
) -> PricePage:
    """List the prices of a product, newest first: who has set them, when, and by which request."""
    return await call(prices.ListPrices(product_id=product_id, **page.model_dump(exclude_unset=True)))


@router.post("/prices/bulk_change", summary="Change many prices")
async def change_prices(
    body: BulkChange, call: Call[prices.BulkChange, PricesChanged] = calls(PRODUCTS_BULK_CHANGE, PricesChanged)
) -> PricesChanged:
    """Change the prices of all products of a category, of a supplier, or of both at once: all of them, or none.

    Prices are rounded half up to cents. Discontinued products keep their price.
    """
    return await call(body.to_contract())
