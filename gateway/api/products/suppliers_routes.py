"""`/v1/suppliers`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts import products_suppliers as contract
from contracts.base import LONGEST_PAGE, Id
from gateway.api.picking import find, numbers, picked
from gateway.api.products.schemas import PickingQuery
from gateway.api.products.suppliers_schemas import (
    NewSupplier,
    Supplier,
    SupplierChange,
    SupplierPage,
    SupplierReplacement,
)
from gateway.api.schemas import InDigits
from gateway.routing.calls import Call, calls
from gateway.routing.conditional_writes import RequiredVersion
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, changed, resource
from subjects import (
    PRODUCTS_SUPPLIERS_CREATE,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_SUPPLIERS_UPDATE,
)

router = APIRouter(prefix="/v1/suppliers", tags=["products"], route_class=JsonRoute)

SupplierId = Annotated[Id, InDigits, Path(examples=[1])]


@router.get("", summary="List suppliers")
async def list_suppliers(
    page: Annotated[PickingQuery, Query()],
    call: Call[contract.ListSuppliers, SupplierPage] = calls(PRODUCTS_SUPPLIERS_LIST, SupplierPage),
) -> SupplierPage:
    """List the suppliers by id."""
    if (ids := picked(page)) is not None:
        found = await find(
            numbers(ids),
            lambda cursor: call(contract.ListSuppliers(limit=LONGEST_PAGE, cursor=cursor)),
            lambda supplier: supplier.supplier_id,
        )
        return SupplierPage(items=found, next_cursor=None)
    return await call(contract.ListSuppliers(**page.model_dump(exclude_unset=True)))


@router.get("/{supplier_id}", response_model=Supplier, responses=READ, summary="Get a supplier")
async def get_supplier(
    supplier_id: SupplierId, call: Call[contract.GetSupplier, Supplier] = calls(PRODUCTS_SUPPLIERS_GET, Supplier)
) -> Response:
    """Get one supplier by id."""
    return resource(await call(contract.GetSupplier(supplier_id=supplier_id)))


@router.post("", status_code=201, response_model=Supplier, responses=changed(201), summary="Create a supplier")
async def create_supplier(
    body: NewSupplier, call: Call[contract.CreateSupplier, Supplier] = calls(PRODUCTS_SUPPLIERS_CREATE, Supplier)
) -> Response:
    """Create a supplier. The service assigns its id."""
    supplier = await call(body.to_contract())
    return resource(supplier, status=201, headers={"Location": f"{router.prefix}/{supplier.supplier_id}"})


@router.put("/{supplier_id}", response_model=Supplier, responses=changed(), summary="Replace a supplier")
async def replace_supplier(
    supplier_id: SupplierId,
    body: SupplierReplacement,
    version: RequiredVersion,
    call: Call[contract.UpdateSupplier, Supplier] = calls(PRODUCTS_SUPPLIERS_UPDATE, Supplier),
) -> Response:
    """Replace every field of a supplier, if its version is the one in If-Match."""
    change = contract.UpdateSupplier(supplier_id=supplier_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))


@router.patch("/{supplier_id}", response_model=Supplier, responses=changed(), summary="Change a supplier")
async def update_supplier(
    supplier_id: SupplierId,
    body: SupplierChange,
    version: RequiredVersion,
    call: Call[contract.UpdateSupplier, Supplier] = calls(PRODUCTS_SUPPLIERS_UPDATE, Supplier),
) -> Response:
    """Change fields of a supplier, if its version is the one in If-Match."""
    change = contract.UpdateSupplier(supplier_id=supplier_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))
