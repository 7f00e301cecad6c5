"""The kit passes a correct worker that handles events, and fails one that breaks a rule of events, by that rule."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from conform.check import CHECKS, Outcome, Result
from conform.kit import Kit, Options
from conform.run import run
from conform.start import Access, User, kit, material
from devstack.servers.all import Servers
from shipping_svc.app import build
from shipping_svc.settings import ShippingSettings
from tests.support.command import python
from tests.support.mesh.mutants import Mutant, Mutation, always_new, no_retries, of_any_consumer, uncounted
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema

CONTRACT = ROOT / "tests" / "contract"
MUTANTS = {
    "any consumer's messages are events": (
        "messages_of_another_consumer_are_ignored",
        Mutation(delivery=of_any_consumer),
    ),
    "each delivery is another event": ("an_event_that_comes_twice_is_applied_once", Mutation(delivery=always_new)),
    "events are acknowledged before their effect": (
        "an_event_is_acknowledged_after_its_effect",
        Mutation(acknowledges_first=True),
    ),
    "a failure is acknowledged": ("an_event_that_fails_is_not_lost", Mutation(acknowledgement=lambda _: b"+ACK")),
    "dead letters have another reason": (
        "what_cannot_be_understood_is_a_dead_letter",
        Mutation(letter=lambda payload, headers: (payload, {**headers, "Dead-Reason": "internal"})),
    ),
    "dead letters are not awaited": ("a_dead_letter_is_stored_first", Mutation(letters_are_stored=False)),
    "events wait for each other": ("a_bad_event_delays_no_other", Mutation(one_event_at_a_time=True)),
    "retries are unknown": ("a_retry_is_handled_like_an_event", Mutation(delivery=no_retries)),
    "events are not counted": ("handled_events_are_counted", Mutation(reply=uncounted)),
}


@pytest.fixture(scope="module")
async def mutant(nats: NatsServer, postgres: Servers) -> AsyncIterator[Mutant]:
    """The connection of a shipping worker, which is correct itself."""
    async with AsyncExitStack() as resources, fresh_schema(postgres.urls["shipping"]) as url:
        transport = await Mutant.connect(nats.settings(), "shipping")
        service = await build(ShippingSettings(shipping_database_url=url, shipping_seed=True), transport, resources)
        await service.start()
        yield transport
        transport.mutation = Mutation()
        await service.drain()
        await transport.close()


@pytest.fixture(scope="module")
async def whole(nats: NatsServer, postgres: Servers, mutant: Mutant) -> AsyncIterator[Kit]:
    """A kit that is connected."""
    user = User("conform", nats.settings())
    files = material(ROOT / "docs" / "contracts", CONTRACT / "examples", CONTRACT / "vectors")
    fault = python("tests.support.servers.freeze", postgres.pid("postgres"))
    options = Options("shipping", private=True, fault_command=fault)
    async with kit(options, files, Access(user, user, stand_in=True)) as made:
        yield made


async def results(whole: Kit, *names: str, patience: float = 20.0) -> list[Result]:
    """What the checks say that have these names."""
    kit = replace(whole, options=replace(whole.options, patience=patience))
    return await run(kit, [one for one in CHECKS if one.name in names])


async def test_a_correct_worker_passes(whole: Kit, mutant: Mutant) -> None:
    mutant.mutation = Mutation()

    found = await results(whole, *(name for name, _ in MUTANTS.values()))

    assert {name for name, _ in MUTANTS.values()} == {one.name for one in CHECKS if one.group == "handled"}
    assert [] == [one for one in found if one.outcome is not Outcome.PASSED]


@pytest.mark.parametrize("wrong", MUTANTS)
async def test_a_broken_worker_fails_by_its_rule(wrong: str, whole: Kit, mutant: Mutant) -> None:
    name, mutant.mutation = MUTANTS[wrong]

    [found] = await results(whole, name, patience=6)

    [check] = [one for one in CHECKS if one.name == name]
    assert (check.rule, Outcome.FAILED) == (found.rule, found.outcome), found.why
