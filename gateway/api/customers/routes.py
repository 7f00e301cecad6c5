"""`/v1/customers`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts import customers
from gateway.api.customers.schemas import Customer, CustomerChange, CustomerPage, CustomerQuery, NewCustomer
from gateway.dependencies import Mesh
from gateway.routing.conditional_writes import ExpectedVersion, RequiredVersion
from gateway.routing.conditions import READ, changed, resource
from gateway.routing.operations import JSON_BODY, calls
from gateway.routing.route import JsonRoute
from subjects import CUSTOMERS_ARCHIVE, CUSTOMERS_CREATE, CUSTOMERS_GET, CUSTOMERS_LIST, CUSTOMERS_UPDATE

router = APIRouter(prefix="/v1/customers", tags=["customers"], route_class=JsonRoute)

CustomerId = Annotated[customers.CustomerId, Path(description="Five capital letters.", examples=["ALFKI"])]


@router.get("", **calls(CUSTOMERS_LIST), summary="List customers")
async def list_customers(query: Annotated[CustomerQuery, Query()], mesh: Mesh) -> CustomerPage:
    """List the customers that match every given filter, page by page; archived ones are left out."""
    return await mesh.call(CUSTOMERS_LIST.read_as(CustomerPage), query.to_contract())


@router.get(
    "/{customer_id}", response_model=Customer, **calls(CUSTOMERS_GET, 404, answers=READ), summary="Get a customer"
)
async def get_customer(customer_id: CustomerId, mesh: Mesh) -> Response:
    """Get one customer by key."""
    customer = await mesh.call(CUSTOMERS_GET.read_as(Customer), customers.GetCustomer(customer_id=customer_id))
    return resource(customer)


@router.post(
    "",
    status_code=201,
    response_model=Customer,
    **calls(CUSTOMERS_CREATE, 409, *JSON_BODY, answers=changed(201)),
    summary="Create a customer",
)
async def create_customer(body: NewCustomer, mesh: Mesh) -> Response:
    """Create a customer under a key of its own."""
    customer = await mesh.call(CUSTOMERS_CREATE.read_as(Customer), body.to_contract())
    location = f"{router.prefix}/{customer.customer_id}"
    return resource(customer, status=201, headers={"Location": location})


@router.patch(
    "/{customer_id}",
    response_model=Customer,
    **calls(CUSTOMERS_UPDATE, 404, 412, 428, *JSON_BODY, answers=changed()),
    summary="Change a customer",
)
async def update_customer(
    customer_id: CustomerId, body: CustomerChange, mesh: Mesh, version: RequiredVersion
) -> Response:
    """Change some fields of a customer, if it still is in the version that If-Match names."""
    change = customers.UpdateCustomer(customer_id=customer_id, expected_version=version, patch=body.to_contract())
    return resource(await mesh.call(CUSTOMERS_UPDATE.read_as(Customer), change))


@router.delete("/{customer_id}", status_code=204, **calls(CUSTOMERS_ARCHIVE, 404, 412), summary="Archive a customer")
async def archive_customer(customer_id: CustomerId, mesh: Mesh, version: ExpectedVersion) -> None:
    """Take a customer out of use: it is kept, yet no longer listed. Twice is no error."""
    archive = customers.ArchiveCustomer(customer_id=customer_id, expected_version=version)
    await mesh.call(CUSTOMERS_ARCHIVE, archive)
