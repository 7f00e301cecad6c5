"""The kit fails workers of auth and shipping that break a rule of the events that they publish."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest
from pydantic import SecretStr

import auth_svc.app
import auth_svc.settings
import shipping_svc.app
import shipping_svc.settings
from conform.check import CHECKS, Outcome
from conform.kit import Kit, Options
from conform.run import run
from conform.start import Access, CannotStart, User, kit, material
from devstack.servers.all import Servers
from mesh.service.service import Service
from providers.mongo.database import open_database
from tests.support.mesh.mutants import Mutant, Mutation, renamed, untraced, with_empty_payload
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema

CONTRACT: Final = ROOT / "tests" / "contract"
MUTANTS: Final = {
    "events have no trace": ("a_change_is_published_as_a_cloud_event", Mutation(event=untraced)),
    "events are empty": ("the_payload_of_an_event_fits_its_schema", Mutation(event=with_empty_payload)),
    "events are sent again as others": ("an_event_without_acknowledgement_is_sent_again", Mutation(event=renamed)),
}


@pytest.fixture(scope="module", params=["auth", "shipping"])
def name(request: pytest.FixtureRequest) -> str:
    """The service. Its worker serves alone: auth would answer beside the stand-in."""
    return str(request.param)


@pytest.fixture(scope="module")
async def worker(name: str, nats: NatsServer, postgres: Servers, auth_url: str) -> AsyncIterator[Mutant]:
    """The connection of a worker, which is correct itself."""
    async with AsyncExitStack() as resources:
        transport = await Mutant.connect(nats.settings(), name)
        if name == "auth":
            service = await _auth(auth_url, transport, resources)
        else:
            url = await resources.enter_async_context(fresh_schema(postgres.urls["shipping"]))
            settings = shipping_svc.settings.ShippingSettings(shipping_database_url=url, shipping_seed=True)
            service = await shipping_svc.app.build(settings, transport, resources)
        await service.start()
        yield transport
        transport.mutation = Mutation()
        await service.drain()
        await transport.close()


async def _auth(url: str, transport: Mutant, resources: AsyncExitStack) -> Service:
    async with open_database(SecretStr(url), default_name="auth") as database:
        await database.drop_collection("signing_keys")  # other tests have encrypted theirs with another key
    key = base64.b64encode(bytes(32)).decode()
    settings = auth_svc.settings.AuthSettings(auth_mongodb_url=url, auth_key_encryption_key=key)
    return await auth_svc.app.build(settings, transport, resources)


@pytest.fixture(scope="module")
async def whole(name: str, nats: NatsServer, worker: Mutant) -> AsyncIterator[Kit]:
    """A kit that is connected. auth signs tokens itself."""
    async with opened(nats, name, stand_in=name != "auth") as made:
        yield made


@asynccontextmanager
async def opened(nats: NatsServer, service: str, *, stand_in: bool) -> AsyncIterator[Kit]:
    user = User("conform", nats.settings())
    files = material(ROOT / "docs" / "contracts", CONTRACT / "examples", CONTRACT / "vectors")
    async with kit(Options(service, private=True), files, Access(user, user, stand_in=stand_in)) as made:
        yield made


@pytest.mark.parametrize("wrong", MUTANTS)
async def test_a_broken_worker_fails_by_its_rule_and_a_correct_one_passes(
    wrong: str, whole: Kit, worker: Mutant
) -> None:
    broken, mutation = MUTANTS[wrong]
    [check] = [one for one in CHECKS if one.name == broken]

    worker.mutation = Mutation()
    [passed] = await run(whole, [check])
    worker.mutation = mutation
    [failed] = await run(whole, [check])

    assert Outcome.PASSED == passed.outcome, passed.why
    assert (check.rule, Outcome.FAILED) == (failed.rule, failed.outcome), failed.why


async def test_nobody_stands_in_for_auth_beside_it(nats: NatsServer) -> None:
    with pytest.raises(CannotStart, match=r"auth answers auth\.jwks itself: use --private"):
        async with opened(nats, "auth", stand_in=True):
            pass
