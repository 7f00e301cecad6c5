from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest
from pydantic import SecretStr

from contracts.products import (
    CreateProduct,
    DiscontinueProduct,
    GetProduct,
    ListProducts,
    ProductPatch,
    UpdateProduct,
)
from contracts.products_categories import ListCategories
from contracts.products_suppliers import GetSupplier, ListSuppliers
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.errors import Code, RemoteFault
from mesh.transport.memory import MemoryBroker, MemoryTransport
from products_svc.app import build
from products_svc.settings import ProductsSettings
from subjects import (
    ENDPOINTS,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_LIST,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_UPDATE,
)
from tests.support.mesh.sign_in import SignIn


@pytest.fixture
async def client(broker: MemoryBroker, url: SecretStr) -> AsyncIterator[Client]:
    settings = ProductsSettings(products_database_url=url, products_seed=True)
    async with AsyncExitStack() as resources:
        service = await build(settings, MemoryTransport(broker), resources)
        await service.start()
        yield Client(MemoryTransport(broker))
        await service.drain()


async def test_every_endpoint_of_the_service_is_answered(broker: MemoryBroker, client: Client) -> None:
    answered = {".".join(subscription.pattern) for subscription in broker.subscriptions}

    assert {endpoint.subject for endpoint in ENDPOINTS if endpoint.service == "products"} <= answered


async def test_the_catalogue_can_be_read_without_a_token(client: Client) -> None:
    chai = await client.call(PRODUCTS_GET, GetProduct(product_id=1))
    page = await client.call(PRODUCTS_LIST, ListProducts(limit=1, min_price=Decimal("18.00"), max_price=Decimal(18)))
    categories = await client.call(PRODUCTS_CATEGORIES_LIST, ListCategories())
    suppliers = await client.call(PRODUCTS_SUPPLIERS_LIST, ListSuppliers())
    supplier = await client.call(PRODUCTS_SUPPLIERS_GET, GetSupplier(supplier_id=1))

    assert (chai,) == page.items
    assert (8, 29) == (len(categories.items), len(suppliers.items))
    assert suppliers.items[0] == supplier


async def test_an_admin_creates_changes_and_discontinues(client: Client, sign_in: SignIn) -> None:
    new = CreateProduct(product_name="Mjød", unit_price=Decimal("12.50"))
    with working_on(sign_in.asking_as("ADMIN")):
        created = await client.call(PRODUCTS_CREATE, new)
        patch = ProductPatch(unit_price=Decimal(13))
        request = UpdateProduct(product_id=created.product_id, expected_version=1, patch=patch)
        changed = await client.call(PRODUCTS_UPDATE, request)
        marked = await client.call(PRODUCTS_DISCONTINUE, DiscontinueProduct(product_id=created.product_id))

    assert ("13.00", 2) == (str(changed.unit_price), changed.version)
    assert (True, 3) == (marked.discontinued, marked.version)


async def test_a_category_that_is_not_there_is_named_over_the_wire(client: Client, sign_in: SignIn) -> None:
    request = UpdateProduct(product_id=1, expected_version=1, patch=ProductPatch(category_id=1000))

    with working_on(sign_in.asking_as("ADMIN")), pytest.raises(RemoteFault) as refused:
        await client.call(PRODUCTS_UPDATE, request)

    assert (Code.INVALID_ARGUMENT, "unknown_category") == (refused.value.code, refused.value.reason)
    assert "patch.category_id" == refused.value.errors[0].field


async def test_a_change_without_a_token_is_refused(client: Client) -> None:
    with pytest.raises(RemoteFault) as refused:
        await client.call(PRODUCTS_DISCONTINUE, DiscontinueProduct(product_id=1))

    assert Code.UNAUTHENTICATED is refused.value.code
