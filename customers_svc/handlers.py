"""The handlers of `customers.*`, one method per endpoint."""

from contracts.customers import (
    ArchiveCustomer,
    CreateCustomer,
    Customer,
    CustomerFacets,
    CustomerHistory,
    CustomerPage,
    CustomersFound,
    FacetCustomers,
    GetCustomer,
    GetCustomerHistory,
    GetCustomers,
    ListCustomers,
    RestoreCustomer,
    UpdateCustomer,
)
from contracts.customers_import import ImportRows, RowsImported
from customers_svc.repository import Customers
from loading.batch_loader import BatchLoader
from loading.single_flight import SingleFlight
from mesh.service.idempotency import IdempotentWrites
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
from worker.answers import answers
from worker.traced_reads import trace_read


class Handlers:
    """The endpoints of the customers service. The repository enforces the rules, each in a single statement."""

    def __init__(self, customers: Customers, writes: IdempotentWrites[Customers]) -> None:
        self._customers = customers
        self._by_id = BatchLoader(customers.find_many, trace=trace_read)
        self._pages = SingleFlight(customers.list, trace=trace_read)
        self._facets = SingleFlight(customers.facets, trace=trace_read)
        self._writes = writes

    @answers(CUSTOMERS_GET)
    async def get(self, request: GetCustomer) -> Customer:
        """One customer. Raises NotFound, also for an archived one."""
        customer = await self._by_id.find(request.customer_id)
        return await self._customers.get(request.customer_id) if customer is None else customer

    @answers(CUSTOMERS_GET_MANY)
    async def get_many(self, request: GetCustomers) -> CustomersFound:
        """The customers that exist, each once, in the order of the request, and the ids that do not."""
        asked = dict.fromkeys(request.customer_ids)
        found = await self._customers.find_many(asked)
        return CustomersFound(
            items=tuple(found[key] for key in asked if key in found),
            missing=tuple(key for key in asked if key not in found),
        )

    @answers(CUSTOMERS_LIST)
    async def list(self, request: ListCustomers) -> CustomerPage:
        """A page of customers. Raises Invalid for a cursor of another list."""
        return await self._pages.read(request)

    @answers(CUSTOMERS_FACETS)
    async def facets(self, request: FacetCustomers) -> CustomerFacets:
        """How many customers match, and how many have each country, city and title."""
        return await self._facets.read(request)

    @answers(CUSTOMERS_CREATE)
    async def create(self, request: CreateCustomer) -> Customer:
        """The new customer. Raises Conflict if the id is taken."""
        return await self._writes(CUSTOMERS_CREATE, request, lambda customers: customers.create(request))

    @answers(CUSTOMERS_UPDATE)
    async def update(self, request: UpdateCustomer) -> Customer:
        """The changed customer. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            CUSTOMERS_UPDATE,
            request,
            lambda customers: customers.update(request.customer_id, request.expected_version, request.patch.changes()),
        )

    @answers(CUSTOMERS_ARCHIVE)
    async def archive(self, request: ArchiveCustomer) -> Customer:
        """The archived customer. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            CUSTOMERS_ARCHIVE,
            request,
            lambda customers: customers.archive(request.customer_id, request.expected_version),
        )

    @answers(CUSTOMERS_RESTORE)
    async def restore(self, request: RestoreCustomer) -> Customer:
        """The customer, in use again. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            CUSTOMERS_RESTORE,
            request,
            lambda customers: customers.restore(request.customer_id, request.expected_version),
        )

    @answers(CUSTOMERS_IMPORT_ROWS)
    async def import_rows(self, request: ImportRows) -> RowsImported:
        """The outcome of each row. A refused row is an outcome, not a fault."""
        return await self._writes(CUSTOMERS_IMPORT_ROWS, request, lambda customers: customers.import_rows(request))

    @answers(CUSTOMERS_HISTORY)
    async def history(self, request: GetCustomerHistory) -> CustomerHistory:
        """The changes of a customer, the latest first. Raises NotFound, and Invalid for a cursor of another list."""
        return await self._customers.history(request)
