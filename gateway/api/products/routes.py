"""`/v1/products`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts import products
from contracts.base import Id
from gateway.api.picking import numbers, picked
from gateway.api.products.schemas import (
    NewProduct,
    Product,
    ProductChange,
    ProductPage,
    ProductQuery,
    ProductReplacement,
    ProductsFound,
)
from gateway.api.schemas import InDigits
from gateway.routing.calls import Call, calls, picks
from gateway.routing.conditional_writes import ExpectedVersion, RequiredVersion
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, TAGGED, changed, resource
from subjects import (
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_GET_MANY,
    PRODUCTS_LIST,
    PRODUCTS_RESTORE,
    PRODUCTS_UPDATE,
)

router = APIRouter(prefix="/v1", tags=["products"], route_class=JsonRoute)

ProductId = Annotated[Id, InDigits, Path(examples=[1])]


@router.get("/products", responses=TAGGED, summary="List products")
async def list_products(
    query: Annotated[ProductQuery, Query()],
    call: Call[products.ListProducts, ProductPage] = calls(PRODUCTS_LIST, ProductPage),
    pick: Call[products.GetProducts, ProductsFound] = picks(PRODUCTS_GET_MANY, ProductsFound),
) -> ProductPage:
    """List the products that match every given filter, page by page."""
    if (ids := picked(query)) is not None:
        known = numbers(ids)
        found = (await pick(products.GetProducts(product_ids=known))).items if known else ()
        return ProductPage(items=found, next_cursor=None)
    return await call(query.to_contract())


@router.get("/products/{product_id}", response_model=Product, responses=READ, summary="Get a product")
async def get_product(
    product_id: ProductId, call: Call[products.GetProduct, Product] = calls(PRODUCTS_GET, Product)
) -> Response:
    """Get one product by id."""
    product = await call(products.GetProduct(product_id=product_id))
    return resource(product)


@router.post("/products", status_code=201, response_model=Product, responses=changed(201), summary="Create a product")
async def create_product(
    body: NewProduct, call: Call[products.CreateProduct, Product] = calls(PRODUCTS_CREATE, Product)
) -> Response:
    """Create a product. The service assigns its id."""
    product = await call(body.to_contract())
    location = f"{router.prefix}/products/{product.product_id}"
    return resource(product, status=201, headers={"Location": location})


@router.put("/products/{product_id}", response_model=Product, responses=changed(), summary="Replace a product")
async def replace_product(
    product_id: ProductId,
    body: ProductReplacement,
    version: RequiredVersion,
    call: Call[products.UpdateProduct, Product] = calls(PRODUCTS_UPDATE, Product),
) -> Response:
    """Replace every field of a product, if its version is the one in If-Match."""
    change = products.UpdateProduct(product_id=product_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))


@router.patch("/products/{product_id}", response_model=Product, responses=changed(), summary="Change a product")
async def update_product(
    product_id: ProductId,
    body: ProductChange,
    version: RequiredVersion,
    call: Call[products.UpdateProduct, Product] = calls(PRODUCTS_UPDATE, Product),
) -> Response:
    """Change fields of a product, if its version is the one in If-Match."""
    change = products.UpdateProduct(product_id=product_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))


@router.post(
    "/products/{product_id}/discontinue",
    response_model=Product,
    responses=changed(),
    summary="Discontinue a product",
)
async def discontinue_product(
    product_id: ProductId,
    version: ExpectedVersion,
    call: Call[products.DiscontinueProduct, Product] = calls(PRODUCTS_DISCONTINUE, Product),
) -> Response:
    """Discontinue a product: it stays in the catalogue, marked. Repeating this has no effect."""
    discontinue = products.DiscontinueProduct(product_id=product_id, expected_version=version)
    return resource(await call(discontinue))


@router.post(
    "/products/{product_id}/restore",
    response_model=Product,
    responses=changed(),
    summary="Restore a product",
)
async def restore_product(
    product_id: ProductId,
    version: ExpectedVersion,
    call: Call[products.RestoreProduct, Product] = calls(PRODUCTS_RESTORE, Product),
) -> Response:
    """Sell a discontinued product again. Repeating this has no effect."""
    restore = products.RestoreProduct(product_id=product_id, expected_version=version)
    return resource(await call(restore))
