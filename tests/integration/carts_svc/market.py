"""The services that a cart needs, on a real NATS server and real databases; and people who ask them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

import subjects
from carts_svc.app import build as build_carts
from carts_svc.settings import CartsSettings
from contracts.carts import Cart, GetCart, PutItem
from contracts.products import CreateProduct, Product
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import RemoteFault
from mesh.core.event import Event
from mesh.events.jetstream import DEAD, EVENTS
from mesh.service.service import Service
from mesh.transport.base import Transport
from orders_svc.app import build as build_orders
from orders_svc.settings import OrdersSettings
from products_svc.app import build as build_products
from products_svc.settings import ProductsSettings
from providers.mongo.database import Database, open_database
from services import WORKERS
from subjects import CARTS_GET, CARTS_PUT_ITEM, PRODUCTS_CREATE
from tests.support.events.streams import JETSTREAM, api, make_consumer
from tests.support.mesh.sign_in import SignIn
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema


def somebody() -> str:
    """The id of a user who has no cart."""
    return uuid4().hex


class Market:
    """Two workers of carts, and one of products and of orders. Asks on behalf of users."""

    def __init__(self, transport: Transport, sign_in: SignIn, services: Mapping[str, Service], carts: Database) -> None:
        self.transport = transport
        self.services = services
        self.database = carts
        """The database of carts."""
        self._client = Client(transport)
        self._sign_in = sign_in

    async def ask(
        self, endpoint: Endpoint[Req, Rep], request: Req, user_id: str, role: str = "USER", key: str | None = None
    ) -> Rep:
        """The reply. Raises RemoteFault."""
        with working_on(self._sign_in.asking_as(role, user_id=user_id)._replace(idempotency_key=key)):
            return await self._client.call(endpoint, request)

    async def refused(
        self, endpoint: Endpoint[Req, Rep], request: Req, user_id: str, key: str | None = None
    ) -> RemoteFault:
        """The error that the request gets."""
        try:
            reply = await self.ask(endpoint, request, user_id, key=key)
        except RemoteFault as fault:
            return fault
        raise AssertionError(reply)

    async def administer(self, endpoint: Endpoint[Req, Rep], request: Req) -> Rep:
        """The reply to an administrator."""
        return await self.ask(endpoint, request, somebody(), "ADMIN")

    async def product(self, price: str = "1.50") -> Product:
        """A new product, of which there are a thousand units."""
        new = CreateProduct.model_validate({"product_name": "Made", "unit_price": price, "units_in_stock": 1000})
        return await self.administer(PRODUCTS_CREATE, new)

    async def cart(self, user_id: str) -> Cart:
        """The user's cart."""
        return await self.ask(CARTS_GET, GetCart(), user_id)

    async def put(self, user_id: str, product_id: int, quantity: int = 1, version: int | None = None) -> Cart:
        """The cart with so many units of the product."""
        item = PutItem(product_id=product_id, quantity=quantity, expected_version=version)
        return await self.ask(CARTS_PUT_ITEM, item, user_id)

    async def emptied(self, user_id: str, left: int = 0) -> Cart:
        """The user's cart, once so many items are left in it."""
        while len((cart := await self.cart(user_id)).items) != left:
            await asyncio.sleep(0.01)
        return cart


@asynccontextmanager
async def open_market(urls: Mapping[str, str], folder: Path) -> AsyncIterator[Market]:
    """A market with Northwind's products and no orders; `urls` are those of the databases."""
    async with AsyncExitStack() as resources:
        server = NatsServer(folder, JETSTREAM.format(folder=folder / "jetstream"))
        await server.start()
        resources.push_async_callback(server.stop)

        async def connection(name: str) -> Transport:
            transport = await server.connect(name)
            resources.push_async_callback(transport.close)
            return transport

        asking = await connection("asking")
        await _make_streams(asking)
        url = {name: await resources.enter_async_context(fresh_schema(urls[name])) for name in ("products", "orders")}
        products = ProductsSettings(products_database_url=url["products"], products_seed=True)
        orders = OrdersSettings(orders_database_url=url["orders"])
        carts = CartsSettings(carts_mongodb_url=SecretStr(urls["carts"]))
        sign_in = SignIn(await connection("auth"))
        services = {
            "auth": sign_in.service,
            "products": await build_products(products, await connection("products"), resources),
            "orders": await build_orders(orders, await connection("orders"), resources),
            "carts": await build_carts(carts, await connection("carts"), resources),
            "other carts": await build_carts(carts, await connection("carts"), resources),
        }
        for service in services.values():
            await service.start()
            resources.push_async_callback(service.drain)
        database = await resources.enter_async_context(open_database(carts.carts_mongodb_url, default_name="carts"))
        yield Market(asking, sign_in, services, database)


async def _make_streams(transport: Transport) -> None:
    """The streams, and the consumers of those who run here."""
    durable = [value.subject for value in vars(subjects).values() if isinstance(value, Event) and value.durable]
    handlers = [worker for worker in WORKERS if worker.handles]
    retries = [f"retry.{worker.name}" for worker in handlers]
    for name, stored in ((EVENTS, [*durable, *retries]), (DEAD, ["dead.>"])):
        await api(transport, f"STREAM.CREATE.{name}", {"name": name, "subjects": stored, "storage": "file"})
    for worker in handlers:
        handled = [event.subject for event in worker.handles]
        await make_consumer(transport, worker.name, *handled, f"retry.{worker.name}")
