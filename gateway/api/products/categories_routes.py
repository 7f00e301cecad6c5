"""`/v1/categories`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts import products_categories as contract
from contracts.base import LONGEST_PAGE, Id
from gateway.api.picking import find, numbers, picked
from gateway.api.products.categories_schemas import (
    Category,
    CategoryChange,
    CategoryPage,
    CategoryReplacement,
    NewCategory,
)
from gateway.api.products.schemas import PickingQuery
from gateway.api.schemas import InDigits
from gateway.routing.calls import Call, calls
from gateway.routing.conditional_writes import RequiredVersion
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, TAGGED, changed, resource
from subjects import (
    PRODUCTS_CATEGORIES_CREATE,
    PRODUCTS_CATEGORIES_GET,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CATEGORIES_UPDATE,
)

router = APIRouter(prefix="/v1/categories", tags=["products"], route_class=JsonRoute)

CategoryId = Annotated[Id, InDigits, Path(examples=[1])]


@router.get("", responses=TAGGED, summary="List categories")
async def list_categories(
    page: Annotated[PickingQuery, Query()],
    call: Call[contract.ListCategories, CategoryPage] = calls(PRODUCTS_CATEGORIES_LIST, CategoryPage),
) -> CategoryPage:
    """List the categories by id."""
    if (ids := picked(page)) is not None:
        found = await find(
            numbers(ids),
            lambda cursor: call(contract.ListCategories(limit=LONGEST_PAGE, cursor=cursor)),
            lambda category: category.category_id,
        )
        return CategoryPage(items=found, next_cursor=None)
    return await call(contract.ListCategories(**page.model_dump(exclude_unset=True)))


@router.get("/{category_id}", response_model=Category, responses=READ, summary="Get a category")
async def get_category(
    category_id: CategoryId, call: Call[contract.GetCategory, Category] = calls(PRODUCTS_CATEGORIES_GET, Category)
) -> Response:
    """Get one category by id."""
    return resource(await call(contract.GetCategory(category_id=category_id)))


@router.post("", status_code=201, response_model=Category, responses=changed(201), summary="Create a category")
async def create_category(
    body: NewCategory, call: Call[contract.CreateCategory, Category] = calls(PRODUCTS_CATEGORIES_CREATE, Category)
) -> Response:
    """Create a category. The service assigns its id."""
    category = await call(body.to_contract())
    return resource(category, status=201, headers={"Location": f"{router.prefix}/{category.category_id}"})


@router.put("/{category_id}", response_model=Category, responses=changed(), summary="Replace a category")
async def replace_category(
    category_id: CategoryId,
    body: CategoryReplacement,
    version: RequiredVersion,
    call: Call[contract.UpdateCategory, Category] = calls(PRODUCTS_CATEGORIES_UPDATE, Category),
) -> Response:
    """Replace every field of a category, if its version is the one in If-Match."""
    change = contract.UpdateCategory(category_id=category_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))


@router.patch("/{category_id}", response_model=Category, responses=changed(), summary="Change a category")
async def update_category(
    category_id: CategoryId,
    body: CategoryChange,
    version: RequiredVersion,
    call: Call[contract.UpdateCategory, Category] = calls(PRODUCTS_CATEGORIES_UPDATE, Category),
) -> Response:
    """Change fields of a category, if its version is the one in If-Match."""
    change = contract.UpdateCategory(category_id=category_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))
