"""The kit passes a correct worker and fails one that breaks a rule, by that rule."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from conform.check import CHECKS, Outcome, Result
from conform.kit import Kit, Options
from conform.run import run
from conform.start import Access, User, kit, material
from customers_svc.app import build
from customers_svc.settings import CustomersSettings
from devstack.servers.all import Servers
from tests.support.command import python
from tests.support.mesh.mutants import (
    Mutant,
    Mutation,
    always_ready,
    body,
    document,
    lenient,
    padded,
    readable,
    renamed,
    trimmed,
    trusting,
    trusting_replies,
    untraced,
    with_empty_payload,
    without,
    without_order,
)
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema

CONTRACT = ROOT / "tests" / "contract"
MUTANTS = {
    "each reply has an envelope": (
        "replies_are_golden",
        Mutation(reply=lambda payload, headers: (b'{"data":%b}' % payload, headers)),
    ),
    "no reply has the request id": (
        "observed_W-ID-2",
        Mutation(reply=lambda payload, headers: (payload, {n: v for n, v in headers.items() if n != "X-Request-Id"})),
    ),
    "problems have no code": (
        "observed_W-ERR-2",
        Mutation(reply=lambda payload, headers: (payload.replace(b'"code"', b'"kode"'), headers)),
    ),
    "requests are answered twice": ("each_request_is_answered_once", Mutation(answers=2)),
    "foreign reply subjects are trusted": (
        "foreign_reply_subjects_hear_nothing",
        Mutation(request=trusting_replies),
    ),
    "an empty body is refused": ("an_empty_body_is_an_empty_object", Mutation(body(lambda sent: sent or b" "))),
    "names may occur twice": ("no_name_occurs_twice", Mutation(body(lenient))),
    "headers may occur twice": ("duplicate_headers_are_refused", Mutation(readable)),
    "any size is read": ("an_oversize_request_is_refused", Mutation(body(bytes.strip))),
    "deadlines are not read": (
        "passed_deadlines_are_not_begun",
        Mutation(without("Request-Timeout", "Request-Deadline")),
    ),
    "expired tokens are good": (
        "expired_tokens_say_so",
        Mutation(trusting(1, "exp", lambda ends: ends < time.time())),
    ),
    "the algorithm is the token's choice": ("only_eddsa_and_at_jwt", Mutation(trusting(0, "alg", "none"))),
    "two audiences are one": (
        "each_claim_is_verified",
        Mutation(trusting(1, "aud", ["northwind-mesh", "another"])),
    ),
    "keys are not kept": ("a_write_is_executed_once", Mutation(without("Idempotency-Key"))),
    "texts are trimmed": ("lengths_count_code_points", Mutation(body(trimmed))),
    "cursors know no order": ("cursors_belong_to_filters", Mutation(body(without_order))),
    "errors are not counted": (
        "statistics_count",
        Mutation(reply=document(lambda endpoint: endpoint.update(num_errors=0))),
    ),
    "the contract is another": (
        "endpoints_have_their_metadata",
        Mutation(reply=document(lambda endpoint: endpoint.get("metadata", {}).update(contract="000000000000"))),
    ),
    "the queue group is another": (
        "the_queue_group_is_q",
        Mutation(reply=document(lambda endpoint: endpoint.update(queue_group="workers"))),
    ),
    "polls are not read": (
        "an_exclusive_neighbour_is_avoided",
        Mutation(request=lambda message: message._replace(payload=b"") if "PING" in message.subject else message),
    ),
    "endpoints are named by whole subjects": (
        "endpoints_are_named_by_their_subjects",
        Mutation(reply=document(lambda endpoint: endpoint.update(name=endpoint["subject"]))),
    ),
    "a repetition is written anew": ("a_repetition_has_the_same_bytes", Mutation(reply=padded())),
    "requests wait for each other": ("a_slow_request_delays_no_quick_one", Mutation(one_at_a_time=True)),
    "the lack of a database is not told": ("a_lost_database_makes_it_not_ready", Mutation(reply=always_ready)),
    "a refused subscription is not told": (
        "a_subscription_that_is_refused_makes_it_not_ready",
        Mutation(reply=always_ready),
    ),
    "events have no trace": (
        "a_change_is_published_as_a_cloud_event",
        Mutation(event=untraced),
    ),
    "events are empty": (
        "the_payload_of_an_event_fits_its_schema",
        Mutation(event=with_empty_payload),
    ),
    "events are sent again as others": ("an_event_without_acknowledgement_is_sent_again", Mutation(event=renamed)),
}
OBSERVED = {"observed_W-ID-2", "observed_W-ERR-2", "each_request_is_answered_once"}
"""Checks that judge what others have seen: replies to a few plain requests will do."""


@pytest.fixture(scope="module")
async def mutant(nats: NatsServer, postgres: Servers) -> AsyncIterator[Mutant]:
    """The connection of a customers worker, which is correct itself."""
    async with AsyncExitStack() as resources, fresh_schema(postgres.urls["customers"]) as url:
        transport = await Mutant.connect(nats.settings(), "customers")
        settings = CustomersSettings(customers_database_url=url, customers_seed=True)
        service = await build(settings, transport, resources)
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
    options = Options(
        "customers",
        private=True,
        payloads=2,
        fault_command=python("tests.support.servers.freeze", postgres.pid("postgres")),
        rights_command=python("tests.support.servers.rights", nats.configuration, nats.pid),
    )
    async with kit(options, files, Access(user, user, stand_in=True)) as made:
        yield made


async def results(whole: Kit, *names: str, patience: float = 20.0) -> list[Result]:
    """What the checks say that have these names. Nothing is left of those before."""
    whole.bus.repeated.clear()
    kit = replace(whole, options=replace(whole.options, patience=patience))
    return await run(kit, sorted((one for one in CHECKS if one.name in names), key=lambda one: one.last))


async def test_a_correct_worker_passes(whole: Kit, mutant: Mutant) -> None:
    mutant.mutation = Mutation()

    found = await results(whole, *(name for name, _ in MUTANTS.values()))

    assert len({name for name, _ in MUTANTS.values()}) == len(found)
    assert [] == [one for one in found if one.outcome is not Outcome.PASSED]


@pytest.mark.parametrize("wrong", MUTANTS)
async def test_a_broken_worker_fails_by_its_rule(wrong: str, whole: Kit, mutant: Mutant) -> None:
    name, mutant.mutation = MUTANTS[wrong]

    found = await results(whole, name, *(["an_empty_body_is_an_empty_object"] if name in OBSERVED else []), patience=6)

    [check] = [one for one in CHECKS if one.name == name]
    assert (check.rule, Outcome.FAILED) == (found[-1].rule, found[-1].outcome), found[-1].why
