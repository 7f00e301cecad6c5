"""The kit fails workers that call products, by the rules of the events that they publish."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

import pytest

import orders_svc.app
import orders_svc.settings
import products_svc.app
import products_svc.settings
import stock_svc.app
import stock_svc.settings
from conform.check import CHECKS, Outcome
from conform.kit import Kit, Options
from conform.run import run
from conform.start import Access, User, kit, material
from devstack.servers.all import Servers
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from tests.support.mesh.mutants import Mutant, Mutation, renamed, without_user
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema

CONTRACT: Final = ROOT / "tests" / "contract"
MUTANTS: Final = {
    "events are sent again as others": (
        "stock",
        "an_event_without_acknowledgement_is_sent_again",
        Mutation(event=renamed),
    ),
    "a failure is acknowledged": (
        "stock",
        "an_event_whose_own_event_is_not_stored_has_failed",
        Mutation(acknowledgement=lambda _: b"+ACK"),
    ),
    "the events of a user name nobody": (
        "orders",
        "an_event_that_users_see_names_its_user",
        Mutation(event=without_user),
    ),
}


@pytest.fixture(scope="module", autouse=True)
async def _products(nats: NatsServer, postgres: Servers) -> AsyncIterator[None]:
    """The worker that orders and stock call."""
    transport = await NatsTransport.connect(nats.settings(), "products")
    async with AsyncExitStack() as resources, fresh_schema(postgres.urls["products"]) as url:
        settings = products_svc.settings.ProductsSettings(products_database_url=url, products_seed=True)
        async with _started(await products_svc.app.build(settings, transport, resources)):
            yield
    await transport.close()


@pytest.fixture(scope="module")
async def mutants(nats: NatsServer, postgres: Servers) -> AsyncIterator[dict[str, Mutant]]:
    """The connections of both workers, which are correct themselves."""
    async with AsyncExitStack() as resources, fresh_schema(postgres.urls["orders"]) as url:
        found = {name: await Mutant.connect(nats.settings(), name) for name in ("orders", "stock")}
        orders = orders_svc.settings.OrdersSettings(orders_database_url=url, orders_seed=True)
        stock = stock_svc.settings.StockSettings()
        async with (
            _started(await orders_svc.app.build(orders, found["orders"], resources)),
            _started(await stock_svc.app.build(stock, found["stock"], resources)),
        ):
            yield found
            for one in found.values():
                one.mutation = Mutation()
    for one in found.values():
        await one.close()


@pytest.fixture(params=MUTANTS)
async def mutant(request: pytest.FixtureRequest, nats: NatsServer, mutants: dict[str, Mutant]) -> AsyncIterator[Kit]:
    """A kit for the worker of one mutant."""
    service, _, _ = MUTANTS[request.param]
    user = User("conform", nats.settings())
    files = material(ROOT / "docs" / "contracts", CONTRACT / "examples", CONTRACT / "vectors")
    async with kit(Options(service, private=True), files, Access(user, user, stand_in=True)) as made:
        yield made
    mutants[service].mutation = Mutation()


async def test_a_broken_worker_fails_by_its_rule_and_a_correct_one_passes(
    request: pytest.FixtureRequest, mutant: Kit, mutants: dict[str, Mutant]
) -> None:
    service, name, mutation = MUTANTS[request.node.callspec.params["mutant"]]
    [check] = [one for one in CHECKS if one.name == name]

    [passed] = await run(mutant, [check])
    mutants[service].mutation = mutation
    [failed] = await run(replace(mutant, options=replace(mutant.options, patience=8)), [check])

    assert Outcome.PASSED == passed.outcome, passed.why
    assert (check.rule, Outcome.FAILED) == (failed.rule, failed.outcome), failed.why


@asynccontextmanager
async def _started(service: Service) -> AsyncIterator[None]:
    await service.start()
    yield
    await service.drain()
