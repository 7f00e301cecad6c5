"""The handlers of `products.categories.*`, one method per endpoint."""

from contracts.products_categories import (
    Category,
    CategoryPage,
    CreateCategory,
    GetCategory,
    ListCategories,
    UpdateCategory,
)
from loading.single_flight import SingleFlight
from mesh.service.idempotency import IdempotentWrites
from products_svc.categories_repository import Categories
from subjects import (
    PRODUCTS_CATEGORIES_CREATE,
    PRODUCTS_CATEGORIES_GET,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CATEGORIES_UPDATE,
)
from worker.answers import answers
from worker.traced_reads import trace_read


class CategoryHandlers:
    """The endpoints of categories. The repository enforces the rules, each in a single statement."""

    def __init__(self, categories: Categories, writes: IdempotentWrites[Categories]) -> None:
        self._categories = categories
        self._pages = SingleFlight(categories.list, trace=trace_read)
        self._writes = writes

    @answers(PRODUCTS_CATEGORIES_GET)
    async def get(self, request: GetCategory) -> Category:
        """One category. Raises NotFound."""
        return await self._categories.get(request.category_id)

    @answers(PRODUCTS_CATEGORIES_LIST)
    async def list(self, request: ListCategories) -> CategoryPage:
        """A page of categories. Raises Invalid for a cursor of another list."""
        return await self._pages.read(request)

    @answers(PRODUCTS_CATEGORIES_CREATE)
    async def create(self, request: CreateCategory) -> Category:
        """The new category."""
        return await self._writes(PRODUCTS_CATEGORIES_CREATE, request, lambda categories: categories.create(request))

    @answers(PRODUCTS_CATEGORIES_UPDATE)
    async def update(self, request: UpdateCategory) -> Category:
        """The changed category. Raises NotFound, and Conflict for another version."""
        return await self._writes(
            PRODUCTS_CATEGORIES_UPDATE,
            request,
            lambda categories: categories.update(
                request.category_id, request.expected_version, request.patch.changes()
            ),
        )
