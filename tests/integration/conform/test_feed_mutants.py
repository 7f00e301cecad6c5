"""The kit hears the copies that the server publishes from the stream FEED, and fails a stream that copies otherwise."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

import orders_svc.app
import orders_svc.settings
import products_svc.app
import products_svc.settings
from conform.check import CHECKS, Outcome, Result
from conform.kit import Options
from conform.run import run
from conform.start import Access, User, kit, material
from devstack.servers.all import Servers
from mesh.events.jetstream import EVENTS, FEED
from mesh.nats.transport import NatsTransport
from ops.streams import streams
from services import PROCESSES
from subjects import EVENTS as DECLARED
from tests.support.events.streams import JETSTREAM, api
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema

CONTRACT: Final = ROOT / "tests" / "contract"
SMALL: Final = {"max_bytes": 16 * 1024 * 1024}
NAME: Final = "the_feed_has_a_copy_of_what_users_see"
Changes = Mapping[str, Any]
OF_EVENTS: Final = {"republish": {"src": "events.orders.>", "dest": "feed.events.orders.>"}}
MUTANTS: Final[Mapping[str, tuple[Changes, Changes, str]]] = {
    "copies have no payload": (
        {},
        {"republish": {"src": ">", "dest": "feed.>", "headers_only": True}},
        "the copy has another payload",
    ),
    "copies have another subject": ({}, {"republish": {"src": ">", "dest": "feed.copies.>"}}, "feed.copies.events"),
    "copies have their place in EVENTS": (OF_EVENTS, {"republish": None}, "FEED has another message at"),
}
"""What differs in both streams, and what the check says."""


@pytest.fixture(scope="module")
async def own_nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    """A server that no stream of another test is on."""
    folder = tmp_path_factory.mktemp("feed")
    server = NatsServer(folder, JETSTREAM.format(folder=folder))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def workers(own_nats: NatsServer, postgres: Servers) -> AsyncIterator[NatsTransport]:
    """The connection of orders, which serves beside products."""
    async with AsyncExitStack() as resources:
        urls = {
            name: await resources.enter_async_context(fresh_schema(postgres.urls[name]))
            for name in ("orders", "products")
        }
        found = {name: await NatsTransport.connect(own_nats.settings(), name) for name in urls}
        orders = orders_svc.settings.OrdersSettings(orders_database_url=urls["orders"])
        products = products_svc.settings.ProductsSettings(products_database_url=urls["products"])
        services = [
            await orders_svc.app.build(orders, found["orders"], resources),
            await products_svc.app.build(products, found["products"], resources),
        ]
        for service in services:
            await service.start()
        yield found["orders"]
        for service in services:
            await service.drain()
        for transport in found.values():
            await transport.close()


async def make(transport: NatsTransport, of_events: Changes, of_feed: Changes) -> None:
    """Make both streams as they are declared, with these changes."""
    changes = {EVENTS: of_events, FEED: of_feed}
    for stream in streams(PROCESSES, DECLARED):
        if stream.name in changes:
            await api(transport, f"STREAM.CREATE.{stream.name}", {**stream.config(), **SMALL, **changes[stream.name]})


async def checked(nats: NatsServer) -> Result:
    """What the check says."""
    user = User("conform", nats.settings())
    files = material(ROOT / "docs" / "contracts", CONTRACT / "examples", CONTRACT / "vectors")
    async with kit(Options("orders"), files, Access(user, user, stand_in=True)) as made:
        [result] = await run(made, [one for one in CHECKS if one.name == NAME])
    return result


async def test_without_the_stream_it_is_skipped(own_nats: NatsServer, workers: NatsTransport) -> None:
    result = await checked(own_nats)
    assert Outcome.SKIPPED == result.outcome
    assert "the stream FEED cannot be read: nobody serves $JS.API.DIRECT.GET.FEED" == result.why


async def test_the_declared_stream_passes(own_nats: NatsServer, workers: NatsTransport) -> None:
    await make(workers, {}, {})
    result = await checked(own_nats)
    assert Outcome.PASSED == result.outcome, result.why
    await forget(workers)


@pytest.mark.parametrize("wrong", MUTANTS)
async def test_a_stream_that_copies_otherwise_fails(wrong: str, own_nats: NatsServer, workers: NatsTransport) -> None:
    of_events, of_feed, said = MUTANTS[wrong]
    await make(workers, of_events, of_feed)
    result = await checked(own_nats)
    assert ("W-EVT-10", Outcome.FAILED) == (result.rule, result.outcome), result.why
    assert said in result.why
    await forget(workers)


async def forget(transport: NatsTransport) -> None:
    for name in (FEED, EVENTS):
        await api(transport, f"STREAM.DELETE.{name}")
