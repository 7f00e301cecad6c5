"""The services that an order needs, with real databases, on one broker; and people who ask them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.orders import NewLine, Order, PlaceOrder
from customers_svc.app import build as build_customers
from customers_svc.settings import CustomersSettings
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.transport.memory import MemoryBroker, MemoryTransport
from orders_svc.app import build as build_orders
from orders_svc.settings import OrdersSettings
from products_svc.app import build as build_products
from products_svc.settings import ProductsSettings
from subjects import ORDERS_PLACE
from tests.integration.providers.schemas import fresh_schema
from tests.integration.providers.sign_in import SignIn

USER, OTHER, ADMIN = "a" * 32, "b" * 32, "c" * 32


class Shop:
    """Asks on behalf of a user, another user, or an administrator."""

    def __init__(self, client: Client, sign_in: SignIn) -> None:
        self._client = client
        self._sign_in = sign_in

    async def ask(self, endpoint: Endpoint[Req, Rep], request: Req, user_id: str = USER, key: str | None = None) -> Rep:
        """The reply. Raises RemoteFault."""
        role = "ADMIN" if user_id == ADMIN else "USER"
        with working_on(self._sign_in.asking_as(role, user_id=user_id)._replace(idempotency_key=key)):
            return await self._client.call(endpoint, request)

    async def place(
        self, *lines: tuple[int, int], user_id: str = USER, customer_id: str | None = None, key: str | None = None
    ) -> Order:
        """An order of so many units of these products."""
        wanted = tuple(NewLine(product_id=product, quantity=quantity) for product, quantity in lines)
        return await self.ask(ORDERS_PLACE, PlaceOrder(lines=wanted, customer_id=customer_id), user_id, key)


@asynccontextmanager
async def open_shop(urls: dict[str, str]) -> AsyncIterator[Shop]:
    """The shop with Northwind's customers, products and orders."""
    broker = MemoryBroker()
    async with AsyncExitStack() as resources:
        found = {name: await resources.enter_async_context(fresh_schema(url)) for name, url in urls.items()}
        sign_in = SignIn(MemoryTransport(broker))
        services = [
            sign_in.service,
            await build_customers(
                CustomersSettings(customers_database_url=found["customers"], customers_seed=True),
                MemoryTransport(broker),
                resources,
            ),
            await build_products(
                ProductsSettings(products_database_url=found["products"], products_seed=True),
                MemoryTransport(broker),
                resources,
            ),
            await build_orders(
                OrdersSettings(orders_database_url=found["orders"], orders_seed=True),
                MemoryTransport(broker),
                resources,
            ),
        ]
        for service in services:
            await service.start()
            resources.push_async_callback(service.drain)
        yield Shop(Client(MemoryTransport(broker)), sign_in)
