"""`/v1/cart`."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from contracts import carts
from contracts.base import Id
from gateway.api.carts.schemas import Cart, ItemQuantity
from gateway.api.orders.schemas import Order
from gateway.api.schemas import InDigits
from gateway.routing.calls import Call, calls
from gateway.routing.conditional_writes import ExpectedVersion
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, changed, resource, resource_with_digest
from subjects import CARTS_CHECKOUT, CARTS_CLEAR, CARTS_GET, CARTS_PUT_ITEM, CARTS_REMOVE_ITEM

router = APIRouter(prefix="/v1/cart", tags=["cart"], route_class=JsonRoute)

ProductId = Annotated[Id, InDigits, Path(examples=[1])]


@router.get("", response_model=Cart, responses=READ, summary="Get your cart")
async def get_cart(call: Call[carts.GetCart, Cart] = calls(CARTS_GET, Cart)) -> Response:
    """Get your cart at current prices. It shows what has changed since each product was put in."""
    return resource_with_digest(await call(carts.GetCart()))


@router.put("/items/{product_id}", response_model=Cart, responses=changed(), summary="Put a product into your cart")
async def put_item(
    product_id: ProductId,
    body: ItemQuantity,
    version: ExpectedVersion,
    call: Call[carts.PutItem, Cart] = calls(CARTS_PUT_ITEM, Cart),
) -> Response:
    """Set the quantity of a product in the cart. Repeating this has no effect."""
    put = carts.PutItem(product_id=product_id, quantity=body.quantity, expected_version=version)
    return resource_with_digest(await call(put))


@router.delete(
    "/items/{product_id}", response_model=Cart, responses=changed(), summary="Remove a product from your cart"
)
async def remove_item(
    product_id: ProductId, version: ExpectedVersion, call: Call[carts.RemoveItem, Cart] = calls(CARTS_REMOVE_ITEM, Cart)
) -> Response:
    """Remove a product from the cart. Repeating this has no effect."""
    return resource_with_digest(await call(carts.RemoveItem(product_id=product_id, expected_version=version)))


@router.delete("", response_model=Cart, responses=changed(), summary="Empty your cart")
async def clear_cart(
    version: ExpectedVersion, call: Call[carts.ClearCart, Cart] = calls(CARTS_CLEAR, Cart)
) -> Response:
    """Remove everything from the cart. Repeating this has no effect."""
    return resource_with_digest(await call(carts.ClearCart(expected_version=version)))


@router.post("/checkout", status_code=202, response_model=Order, responses=changed(202), summary="Order your cart")
async def check_out(
    version: ExpectedVersion, call: Call[carts.CheckOut, Order] = calls(CARTS_CHECKOUT, Order)
) -> Response:
    """Place an order for the products in the cart at current prices, and empty the cart.

    If the cart has not changed since, a repetition returns the first order. With If-Match, it does so even if the cart
    has changed.
    """
    order = await call(carts.CheckOut(expected_version=version))
    return resource(order, status=202, headers={"Location": f"/v1/orders/{order.order_id}"})
