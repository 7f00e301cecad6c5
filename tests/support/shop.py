"""The services that an order needs, on a real NATS server and real databases; and people who ask them."""

import asyncio
import base64
import random
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from email.parser import HeaderParser
from pathlib import Path

import subjects
from contracts.orders import GetOrder, NewLine, Order, PlaceOrder
from contracts.shipping import GetShipment, ListShipments, Shipment
from customers_svc.app import build as build_customers
from customers_svc.settings import CustomersSettings
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.event import Event
from mesh.events import jetstream
from mesh.events.jetstream import DEAD, EVENTS
from mesh.service.service import Service
from mesh.transport.base import Transport
from mesh.wire import names
from orders_svc.app import build as build_orders
from orders_svc.repository import Orders
from orders_svc.settings import OrdersSettings
from products_svc.app import build as build_products
from products_svc.settings import ProductsSettings
from providers.postgres.database import Database, open_database
from services import WORKERS
from shipping_svc.app import build as build_shipping
from shipping_svc.settings import ShippingSettings
from stock_svc.app import build as build_stock
from stock_svc.settings import StockSettings
from subjects import ORDERS_GET, ORDERS_PLACE, SHIPPING_GET, SHIPPING_LIST
from tests.support.events.streams import JETSTREAM, api, make_consumer, stored, unsettled
from tests.support.mesh.sign_in import SignIn
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema

StoredEvent = tuple[dict[str, str], bytes]
USER, OTHER, ADMIN = "a" * 32, "b" * 32, "c" * 32
DATABASES = ("customers", "products", "orders", "shipping")
HANDLERS = [worker for worker in WORKERS if worker.name in ("orders", "stock", "shipping")]
"""The workers of the shop that handle events."""


class Shop:
    """Asks on behalf of a user, another user, or an administrator."""

    def __init__(
        self, transport: Transport, sign_in: SignIn, workers: Mapping[str, Service], databases: Mapping[str, Database]
    ) -> None:
        self.transport = transport
        self.workers = workers
        """By name; some have events."""
        self._databases = databases
        self._client = Client(transport)
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

    async def reached(self, order: Order, status: str) -> Order:
        """The order, once it has the status."""
        while (found := await self.ask(ORDERS_GET, GetOrder(order_id=order.order_id), ADMIN)).status != status:
            await asyncio.sleep(0.01)
        return found

    async def shipment(self, order: Order, status: str = "pending") -> Shipment:
        """The order's shipment, once it has the status."""
        wanted = ListShipments.model_validate({"order_id": order.order_id, "status": status}, strict=False)
        while not (found := (await self.ask(SHIPPING_LIST, wanted, ADMIN)).items):
            await asyncio.sleep(0.01)
        return await self.ask(SHIPPING_GET, GetShipment(shipment_id=found[0].shipment_id), ADMIN)

    async def events(self, order: Order | None = None) -> list[StoredEvent]:
        """The headers and bodies of the stored events: all of them, or those of one order."""
        found = []
        for sequence in range(1, (await api(self.transport, "STREAM.INFO.EVENTS"))["state"]["last_seq"] + 1):
            message = (await api(self.transport, "STREAM.MSG.GET.EVENTS", {"seq": sequence}))["message"]
            text = base64.b64decode(message["hdrs"]).decode().partition("\r\n")[2]
            headers = dict(HeaderParser().parsestr(text))
            if order is None or headers["ce-subject"] == str(order.order_id):
                found.append((headers, base64.b64decode(message["data"])))
        return found

    async def deliver_again(self, times: int) -> None:
        """Deliver every stored event to its handlers so often again, in another order, and wait until all is done."""
        again = await self.events() * times
        random.shuffle(again)
        for headers, body in again:
            for handler in HANDLERS:
                if any(event.type == headers["ce-type"] for event in handler.handles):
                    repeated = {**headers, names.MESSAGE_ID: str(uuid.uuid4())}
                    await jetstream.publish(self.transport, f"retry.{handler.name}", body, repeated)
        await self.settled()

    @asynccontextmanager
    async def orders(self) -> AsyncIterator[Orders]:
        """The orders within a transaction, as a handler of events has them."""
        async with self._databases["orders"].transaction() as connection:
            yield Orders(connection)

    async def is_blocked(self) -> bool:
        """Whether a statement waits for another transaction."""
        return bool(await self._databases["orders"].fetch("SELECT FROM pg_locks WHERE NOT granted"))

    async def settled(self) -> None:
        """Wait until every event is stored and handled; fail where one is dead."""
        while not await self._is_settled():
            await asyncio.sleep(0.01)
        assert 0 == await stored(self.transport, DEAD)

    async def _is_settled(self) -> bool:
        # In this order: what is being handled may write to the outbox, and what is in the outbox will be handled.
        before = await stored(self.transport, EVENTS)
        if any([await unsettled(self.transport, worker.name) for worker in HANDLERS]):
            return False
        for database in self._databases.values():
            if await database.fetch("SELECT FROM outbox LIMIT 1"):
                return False
        return before == await stored(self.transport, EVENTS)


@asynccontextmanager
async def open_shop(
    urls: Mapping[str, str], folder: Path, *, reserves: bool, moves_after: float | None = None
) -> AsyncIterator[Shop]:
    """The shop with Northwind's customers, products, orders and shippers; `urls` are those of its databases.

    `reserves`: whether its stock is started. Otherwise orders stay as they are placed. `moves_after`: seconds after
    which shipments are dispatched and delivered by themselves.
    """
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
        found = {name: await resources.enter_async_context(fresh_schema(urls[name])) for name in DATABASES}
        customers = CustomersSettings(customers_database_url=found["customers"], customers_seed=True)
        products = ProductsSettings(products_database_url=found["products"], products_seed=True)
        orders = OrdersSettings(orders_database_url=found["orders"], orders_seed=True)
        sign_in = SignIn(await connection("auth"))
        shipping = ShippingSettings(
            shipping_database_url=found["shipping"],
            shipping_seed=True,
            shipping_dispatch_after=moves_after,
            shipping_deliver_after=moves_after,
        )
        workers = {
            "products": await build_products(products, await connection("products"), resources),
            "stock": await build_stock(StockSettings(), await connection("stock"), resources),
            "orders": await build_orders(orders, await connection("orders"), resources),
            "shipping": await build_shipping(shipping, await connection("shipping"), resources),
        }
        for service in (
            sign_in.service,
            await build_customers(customers, await connection("customers"), resources),
            *(worker for name, worker in workers.items() if reserves or name != "stock"),
        ):
            await service.start()
            resources.push_async_callback(service.drain)
        databases = {
            name: await resources.enter_async_context(open_database(found[name], name="test"))
            for name in ("orders", "shipping")
        }
        yield Shop(asking, sign_in, workers, databases)


async def _make_streams(transport: Transport) -> None:
    """The streams and consumers that the tables declare."""
    durable = [value.subject for value in vars(subjects).values() if isinstance(value, Event) and value.durable]
    retries = [f"retry.{worker.name}" for worker in HANDLERS]
    for name, stored_subjects in ((EVENTS, [*durable, *retries]), (DEAD, ["dead.>"])):
        await api(transport, f"STREAM.CREATE.{name}", {"name": name, "subjects": stored_subjects, "storage": "file"})
    for worker in HANDLERS:
        handled = [event.subject for event in worker.handles]
        await make_consumer(transport, worker.name, *handled, f"retry.{worker.name}")
