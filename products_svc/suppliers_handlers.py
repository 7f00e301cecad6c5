"""The handlers of `products.suppliers.*`, one method per endpoint."""

from contracts.products_suppliers import (
    CreateSupplier,
    GetSupplier,
    ListSuppliers,
    Supplier,
    SupplierPage,
    UpdateSupplier,
)
from loading.single_flight import SingleFlight
from mesh.service.idempotency import IdempotentWrites
from products_svc.suppliers_repository import Suppliers
from subjects import (
    PRODUCTS_SUPPLIERS_CREATE,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_SUPPLIERS_UPDATE,
)
from worker.answers import answers
from worker.traced_reads import trace_read


class SupplierHandlers:
    """The endpoints of suppliers. The repository enforces the rules, each in a single statement."""

    def __init__(self, suppliers: Suppliers, writes: IdempotentWrites[Suppliers]) -> None:
        self._suppliers = suppliers
        self._pages = SingleFlight(suppliers.list, trace=trace_read)
        self._writes = writes

    @answers(PRODUCTS_SUPPLIERS_GET)
    async def get(self, request: GetSupplier) -> Supplier:
        """One supplier. Raises NotFound."""
        return await self._suppliers.get(request.supplier_id)

    @answers(PRODUCTS_SUPPLIERS_LIST)
    async def list(self, request: ListSuppliers) -> SupplierPage:
        """A page of suppliers. Raises Invalid for a cursor of another list."""
        return await self._pages.read(request)

    @answers(PRODUCTS_SUPPLIERS_CREATE)
    async def create(self, request: CreateSupplier) -> Supplier:
        """The new supplier."""
        return await self._writes(PRODUCTS_SUPPLIERS_CREATE, request, lambda suppliers: suppliers.create(request))

    @answers(PRODUCTS_SUPPLIERS_UPDATE)
    async def update(self, request: UpdateSupplier) -> Supplier:
        """The changed supplier. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            PRODUCTS_SUPPLIERS_UPDATE,
            request,
            lambda suppliers: suppliers.update(request.supplier_id, request.expected_version, request.patch.changes()),
        )
