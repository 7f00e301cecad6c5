"""`/v1/products`, and the categories and suppliers that they belong to."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts import products
from contracts.base import Id
from gateway.api.products.schemas import (
    CategoryPage,
    NewProduct,
    PageQuery,
    Product,
    ProductChange,
    ProductPage,
    ProductQuery,
    Supplier,
    SupplierPage,
)
from gateway.api.schemas import InDigits
from gateway.dependencies import Mesh
from gateway.routing.conditional_writes import ExpectedVersion, RequiredVersion
from gateway.routing.conditions import READ, changed, resource
from gateway.routing.operations import JSON_BODY, calls
from gateway.routing.route import JsonRoute
from subjects import (
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_LIST,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_UPDATE,
)

router = APIRouter(prefix="/v1", tags=["products"], route_class=JsonRoute)

ProductId = Annotated[Id, InDigits, Path(examples=[1])]
SupplierId = Annotated[Id, InDigits, Path(examples=[1])]
Page = Annotated[PageQuery, Query()]


@router.get("/products", **calls(PRODUCTS_LIST), summary="List products")
async def list_products(query: Annotated[ProductQuery, Query()], mesh: Mesh) -> ProductPage:
    """List the products that match every given filter, page by page."""
    return await mesh.call(PRODUCTS_LIST.read_as(ProductPage), query.to_contract())


@router.get(
    "/products/{product_id}",
    response_model=Product,
    **calls(PRODUCTS_GET, 404, answers=READ),
    summary="Get a product",
)
async def get_product(product_id: ProductId, mesh: Mesh) -> Response:
    """Get one product by id."""
    product = await mesh.call(PRODUCTS_GET.read_as(Product), products.GetProduct(product_id=product_id))
    return resource(product)


@router.post(
    "/products",
    status_code=201,
    response_model=Product,
    **calls(PRODUCTS_CREATE, *JSON_BODY, answers=changed(201)),
    summary="Create a product",
)
async def create_product(body: NewProduct, mesh: Mesh) -> Response:
    """Create a product; its id is given to it."""
    product = await mesh.call(PRODUCTS_CREATE.read_as(Product), body.to_contract())
    location = f"{router.prefix}/products/{product.product_id}"
    return resource(product, status=201, headers={"Location": location})


@router.patch(
    "/products/{product_id}",
    response_model=Product,
    **calls(PRODUCTS_UPDATE, 404, 412, 428, *JSON_BODY, answers=changed()),
    summary="Change a product",
)
async def update_product(product_id: ProductId, body: ProductChange, mesh: Mesh, version: RequiredVersion) -> Response:
    """Change some fields of a product, if it still is in the version that If-Match names."""
    change = products.UpdateProduct(product_id=product_id, expected_version=version, patch=body.to_contract())
    return resource(await mesh.call(PRODUCTS_UPDATE.read_as(Product), change))


@router.post(
    "/products/{product_id}/discontinue",
    response_model=Product,
    **calls(PRODUCTS_DISCONTINUE, 404, 412, answers=changed()),
    summary="Discontinue a product",
)
async def discontinue_product(product_id: ProductId, mesh: Mesh, version: ExpectedVersion) -> Response:
    """Sell a product no more; it stays in the catalogue, marked. Twice is no error."""
    discontinue = products.DiscontinueProduct(product_id=product_id, expected_version=version)
    return resource(await mesh.call(PRODUCTS_DISCONTINUE.read_as(Product), discontinue))


@router.get("/categories", **calls(PRODUCTS_CATEGORIES_LIST), summary="List categories")
async def list_categories(page: Page, mesh: Mesh) -> CategoryPage:
    """List the categories of products by id."""
    categories = products.ListCategories(**page.model_dump(exclude_unset=True))
    return await mesh.call(PRODUCTS_CATEGORIES_LIST.read_as(CategoryPage), categories)


@router.get("/suppliers", **calls(PRODUCTS_SUPPLIERS_LIST), summary="List suppliers")
async def list_suppliers(page: Page, mesh: Mesh) -> SupplierPage:
    """List the suppliers of products by id."""
    suppliers = products.ListSuppliers(**page.model_dump(exclude_unset=True))
    return await mesh.call(PRODUCTS_SUPPLIERS_LIST.read_as(SupplierPage), suppliers)


@router.get("/suppliers/{supplier_id}", **calls(PRODUCTS_SUPPLIERS_GET, 404), summary="Get a supplier")
async def get_supplier(supplier_id: SupplierId, mesh: Mesh) -> Supplier:
    """Get one supplier by id."""
    return await mesh.call(PRODUCTS_SUPPLIERS_GET.read_as(Supplier), products.GetSupplier(supplier_id=supplier_id))
