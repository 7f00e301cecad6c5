"""The handlers of the endpoints about products themselves."""

from contracts.products import (
    CreateProduct,
    DiscontinueProduct,
    GetProduct,
    GetProducts,
    ListProducts,
    Product,
    ProductPage,
    ProductsFound,
    RestoreProduct,
    UpdateProduct,
)
from loading.batch_loader import BatchLoader
from loading.single_flight import SingleFlight
from mesh.core import context
from mesh.service.idempotency import IdempotentWrites
from products_svc.faults import not_found
from products_svc.repository import Catalogue
from subjects import (
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_GET_MANY,
    PRODUCTS_LIST,
    PRODUCTS_RESTORE,
    PRODUCTS_UPDATE,
)
from worker.answers import answers
from worker.traced_reads import trace_read


class Handlers:
    """The endpoints about products. The repository enforces the rules, each in a single statement."""

    def __init__(self, catalogue: Catalogue, writes: IdempotentWrites[Catalogue]) -> None:
        self._catalogue = catalogue
        self._by_id = BatchLoader(catalogue.find_many, trace=trace_read)
        self._pages = SingleFlight(catalogue.list, trace=trace_read)
        self._writes = writes

    @answers(PRODUCTS_GET)
    async def get(self, request: GetProduct) -> Product:
        """One product. Raises NotFound."""
        product = await self._by_id.find(request.product_id)
        if product is None:
            raise not_found(request.product_id)
        return product

    @answers(PRODUCTS_GET_MANY)
    async def get_many(self, request: GetProducts) -> ProductsFound:
        """The products that exist, each once, in the order of the request, and the ids that do not."""
        asked = dict.fromkeys(request.product_ids)
        found = await self._catalogue.find_many(asked)
        return ProductsFound(
            items=tuple(found[key] for key in asked if key in found),
            missing=tuple(key for key in asked if key not in found),
        )

    @answers(PRODUCTS_LIST)
    async def list(self, request: ListProducts) -> ProductPage:
        """A page of products. Raises Invalid for a cursor of another list."""
        return await self._pages.read(request)

    @answers(PRODUCTS_CREATE)
    async def create(self, request: CreateProduct) -> Product:
        """The new product. Raises Invalid for an unknown category or supplier."""
        return await self._writes(PRODUCTS_CREATE, request, lambda catalogue: catalogue.create(request))

    @answers(PRODUCTS_UPDATE)
    async def update(self, request: UpdateProduct) -> Product:
        """The changed product.

        Raises NotFound, Conflict for another version or fewer units than are reserved, and Invalid as `create` does.
        """
        current = context.current()
        user_id = current.caller.user_id if current and current.caller else None
        changes = request.patch.changes()
        return await self._writes(
            PRODUCTS_UPDATE,
            request,
            lambda catalogue: catalogue.update(request.product_id, request.expected_version, changes, user_id),
        )

    @answers(PRODUCTS_DISCONTINUE)
    async def discontinue(self, request: DiscontinueProduct) -> Product:
        """The product, marked as discontinued. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            PRODUCTS_DISCONTINUE,
            request,
            lambda catalogue: catalogue.discontinue(request.product_id, request.expected_version),
        )

    @answers(PRODUCTS_RESTORE)
    async def restore(self, request: RestoreProduct) -> Product:
        """The product, sold again. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            PRODUCTS_RESTORE, request, lambda catalogue: catalogue.restore(request.product_id, request.expected_version)
        )
