"""Two gateways with a memory each, on a real NATS server that is killed in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient

from contracts.products import GetProduct, Product
from devstack.servers.all import Servers
from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.core.errors import CallError
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from subjects import EVENTS_PRODUCTS_CHANGED, PRODUCTS_GET
from tests.support.events.durable_events import connected, nats, publish
from tests.support.gateway.resources import CHAI
from tests.support.mesh.sample_service import verify
from tests.support.waiting import until

PATH = "/v1/products/1"


class Shop:
    """The service products with one product, and two gateways."""

    def __init__(self, servers: Servers, transport: NatsTransport) -> None:
        self.servers = servers
        self.transport = transport
        self.version = 1
        self.asked = 0
        self.gateways: list[AsyncClient] = []
        self.connections: list[NatsTransport] = [transport]

    async def get(self, _: GetProduct) -> Product:
        self.asked += 1
        return CHAI.model_copy(update={"version": self.version})

    async def announce(self) -> None:
        """As the relay of the outbox does, after the commit."""
        payload = b'{"product_id":1,"version":%d}' % self.version
        await publish(self.transport, EVENTS_PRODUCTS_CHANGED.subject, payload, {"ce-subject": "1"})

    async def read(self, gateway: int) -> int:
        answer = await self.gateways[gateway].get(PATH)
        assert 200 == answer.status_code, answer.text
        version: int = answer.json()["version"]
        return version

    async def fill(self) -> None:
        """Have both gateways answer from memory."""
        for gateway in range(len(self.gateways)):
            while "age" not in (answer := await self.gateways[gateway].get(PATH)).headers:
                assert answer.status_code in {200, 503}, answer.text
                await asyncio.sleep(0.01)

    async def sees(self, gateway: int) -> float:
        """Seconds until the gateway answers with the current version."""
        started = time.monotonic()
        while await self.read(gateway) != self.version:
            await asyncio.sleep(0)
        return time.monotonic() - started


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stopping:
        servers = await stopping.enter_async_context(nats(Path(tmp_path_factory.mktemp("cache"))))
        transport = await stopping.enter_async_context(connected(servers, "products"))
        shop = Shop(servers, transport)
        service = Service("products", transport, version="1.0.0", description="one product", verify=verify)
        service.add(PRODUCTS_GET, shop.get)
        await service.start()
        stopping.push_async_callback(service.drain)
        for _ in range(2):
            connection = await stopping.enter_async_context(connected(servers, "gateway"))
            app = build(GatewaySettings(), connection)
            await stopping.enter_async_context(app.state.dependencies.cache.listening())
            client = AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")
            shop.gateways.append(await stopping.enter_async_context(client))
            shop.connections.append(connection)
        yield shop


async def test_both_gateways_forget_what_has_changed(shop: Shop) -> None:
    await shop.fill()
    asked = shop.asked
    assert [shop.version] * 20 == [await shop.read(gateway) for gateway in (0, 1) * 10]
    assert asked == shop.asked
    took = []
    for _ in range(20):
        shop.version += 1
        await shop.announce()
        took += [await shop.sees(0), await shop.sees(1)]
        await shop.fill()
    assert sorted(took)[len(took) // 2] < 2  # far below the 10 s of an answer that no event drops


async def test_a_change_while_nats_is_away_is_seen_after_the_reconnect(shop: Shop) -> None:
    await shop.fill()
    await shop.servers.kill("nats")
    await until(lambda: not any(one.connected for one in shop.connections))
    for http in shop.gateways:
        assert 503 == (await http.get(PATH)).status_code, "a gateway that hears nothing uses nothing"
    shop.version += 1
    await shop.servers.restart("nats")
    await until(lambda: all(one.connected for one in shop.connections))
    for gateway in (0, 1):  # nobody announces the change
        while (answer := await shop.gateways[gateway].get(PATH)).status_code != 200:
            await asyncio.sleep(0.01)
        assert shop.version == answer.json()["version"]
    await shop.fill()
    shop.version += 1
    while True:  # the stream may not take it at once
        with suppress(CallError):
            await shop.announce()
            break
        await asyncio.sleep(0.01)
    await shop.sees(0)
    await shop.sees(1)
