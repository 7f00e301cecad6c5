"""`/v1/customers`."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from contracts import customers, customers_import
from gateway.api.customers.import_document import REQUEST_BODY, RESPONSES, ImportResult
from gateway.api.customers.import_schemas import ImportQuery
from gateway.api.customers.imports import READERS, answers
from gateway.api.customers.schemas import (
    Customer,
    CustomerChange,
    CustomerFacets,
    CustomerFilters,
    CustomerHistory,
    CustomerPage,
    CustomerQuery,
    CustomerReplacement,
    CustomersFound,
    HistoryQuery,
    NewCustomer,
)
from gateway.api.picking import picked
from gateway.api.schemas import AnyCase
from gateway.problems import fault_response
from gateway.routing.calls import Call, calls, picks
from gateway.routing.conditional_writes import ExpectedVersion, RequiredVersion
from gateway.routing.importing import Answer, Import
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ, changed, resource
from gateway.semantics.media_type import kind_of
from mesh.core.errors import Invalid
from subjects import (
    CUSTOMERS_ARCHIVE,
    CUSTOMERS_CREATE,
    CUSTOMERS_FACETS,
    CUSTOMERS_GET,
    CUSTOMERS_GET_MANY,
    CUSTOMERS_HISTORY,
    CUSTOMERS_IMPORT_ROWS,
    CUSTOMERS_LIST,
    CUSTOMERS_RESTORE,
    CUSTOMERS_UPDATE,
)

router = APIRouter(prefix="/v1/customers", tags=["customers"], route_class=JsonRoute)

CustomerId = Annotated[
    customers.CustomerId, AnyCase(), Path(description="Five letters, in any case.", examples=["ALFKI"])
]


@router.get("", summary="List customers")
async def list_customers(
    query: Annotated[CustomerQuery, Query()],
    call: Call[customers.ListCustomers, CustomerPage] = calls(CUSTOMERS_LIST, CustomerPage),
    pick: Call[customers.GetCustomers, CustomersFound] = picks(CUSTOMERS_GET_MANY, CustomersFound),
) -> CustomerPage:
    """List the customers that match every given filter, page by page. `archived` decides about archived customers."""
    if (ids := picked(query)) is not None:
        found = await pick(customers.GetCustomers(customer_ids=tuple(ids)))
        return CustomerPage(items=found.items, next_cursor=None)
    return await call(query.to_contract())


@router.get("/facets", summary="Count customers")
async def facet_customers(
    filters: Annotated[CustomerFilters, Query()],
    call: Call[customers.FacetCustomers, CustomerFacets] = calls(CUSTOMERS_FACETS, CustomerFacets),
) -> CustomerFacets:
    """Count the customers that match every given filter, in total and by country, city and title."""
    return await call(filters.to_facets())


@router.get("/{customer_id}", response_model=Customer, responses=READ, summary="Get a customer")
async def get_customer(
    customer_id: CustomerId, call: Call[customers.GetCustomer, Customer] = calls(CUSTOMERS_GET, Customer)
) -> Response:
    """Get one customer by id."""
    customer = await call(customers.GetCustomer(customer_id=customer_id))
    return resource(customer)


@router.post("", status_code=201, response_model=Customer, responses=changed(201), summary="Create a customer")
async def create_customer(
    body: NewCustomer, call: Call[customers.CreateCustomer, Customer] = calls(CUSTOMERS_CREATE, Customer)
) -> Response:
    """Create a customer. Without `customer_id` it gets one that resembles its name."""
    customer = await call(body.to_contract())
    location = f"{router.prefix}/{customer.customer_id}"
    return resource(customer, status=201, headers={"Location": location})


@router.post(
    "/import",
    response_class=ImportResult,
    responses=RESPONSES,
    openapi_extra={"requestBody": REQUEST_BODY},
    summary="Import customers",
)
async def import_customers(
    request: Request,
    query: Annotated[ImportQuery, Query()],
    call: Call[customers_import.ImportRows, customers_import.RowsImported] = calls(CUSTOMERS_IMPORT_ROWS),
) -> Response:
    """Create and change customers from a file, row by row. The answer has a line for each row, in the file's order.

    A row is written whole or not at all. The last line has the totals. If the import ended early, `incomplete` names
    the first row without an answer. Then send the file again: rows that were written are `unchanged`. A file that
    `GET /v1/customers` exported can be imported.
    """
    try:
        reader = READERS[kind_of(request.headers.raw, READERS)]()
    except Invalid as fault:
        return fault_response(fault, {"Accept": ", ".join(READERS)})

    async def send(rows: Sequence[customers_import.CustomerRow]) -> Iterable[Answer]:
        return answers((await call(customers_import.ImportRows(rows=tuple(rows), dry_run=query.dry_run))).rows)

    return ImportResult(
        Import(
            request,
            reader,
            send,
            most=customers_import.MOST_ROWS,
            access=CUSTOMERS_IMPORT_ROWS.access,
            outcomes=[*customers_import.ImportOutcome],
            about={"dry_run": query.dry_run},
        ).lines()
    )


@router.put("/{customer_id}", response_model=Customer, responses=changed(), summary="Replace a customer")
async def replace_customer(
    customer_id: CustomerId,
    body: CustomerReplacement,
    version: RequiredVersion,
    call: Call[customers.UpdateCustomer, Customer] = calls(CUSTOMERS_UPDATE, Customer),
) -> Response:
    """Replace every field of a customer, if its version is the one in If-Match."""
    change = customers.UpdateCustomer(customer_id=customer_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))


@router.patch("/{customer_id}", response_model=Customer, responses=changed(), summary="Change a customer")
async def update_customer(
    customer_id: CustomerId,
    body: CustomerChange,
    version: RequiredVersion,
    call: Call[customers.UpdateCustomer, Customer] = calls(CUSTOMERS_UPDATE, Customer),
) -> Response:
    """Change fields of a customer, if its version is the one in If-Match."""
    change = customers.UpdateCustomer(customer_id=customer_id, expected_version=version, patch=body.to_contract())
    return resource(await call(change))


@router.delete("/{customer_id}", status_code=204, summary="Archive a customer")
async def archive_customer(
    customer_id: CustomerId,
    version: ExpectedVersion,
    call: Call[customers.ArchiveCustomer, customers.Customer] = calls(CUSTOMERS_ARCHIVE),
) -> None:
    """Archive a customer: it is kept but no longer listed. Repeating this has no effect."""
    archive = customers.ArchiveCustomer(customer_id=customer_id, expected_version=version)
    await call(archive)


@router.post(
    "/{customer_id}/restore", response_model=Customer, responses=changed(), summary="Restore an archived customer"
)
async def restore_customer(
    customer_id: CustomerId,
    version: ExpectedVersion,
    call: Call[customers.RestoreCustomer, Customer] = calls(CUSTOMERS_RESTORE, Customer),
) -> Response:
    """Use an archived customer again. Repeating this has no effect."""
    return resource(await call(customers.RestoreCustomer(customer_id=customer_id, expected_version=version)))


@router.get("/{customer_id}/history", summary="List a customer's changes")
async def list_customer_changes(
    customer_id: CustomerId,
    query: Annotated[HistoryQuery, Query()],
    call: Call[customers.GetCustomerHistory, CustomerHistory] = calls(CUSTOMERS_HISTORY, CustomerHistory),
) -> CustomerHistory:
    """List who changed what, when, and by which request, the latest first. An archived customer has its history too."""
    return await call(query.to_contract(customer_id))
