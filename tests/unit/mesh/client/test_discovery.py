import asyncio
import json
import time
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

import pytest

from mesh.client.discover import ask_all
from mesh.core.contract import whole_hash
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Disconnected
from mesh.core.reading import Unreadable
from mesh.core.version import package_version
from mesh.service.service import Service
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.discovery import MAX_DOCUMENT, MAX_PING, read_ping
from tests.support.mesh.sample_service import SAY, SHOUT, WHISPER, Said, Say, sample, say


@pytest.fixture
def caller() -> MemoryTransport:
    return MemoryTransport(MemoryBroker(), "caller")


@pytest.fixture
async def service(caller: MemoryTransport) -> Service:
    service = sample(MemoryTransport(caller.broker, "worker"))
    await service.start()
    return service


async def ask(caller: MemoryTransport, subject: str) -> dict[str, Any]:
    reply = await caller.request(subject, b"", {}, 5)
    document: dict[str, Any] = json.loads(reply.payload)
    return document


@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
async def test_a_verb_is_answered_for_all_by_name_and_by_id(
    caller: MemoryTransport, service: Service, verb: str
) -> None:
    for subject in (f"$SRV.{verb}", f"$SRV.{verb}.sample", f"$SRV.{verb}.sample.{service.identity.id}"):
        document = await ask(caller, subject)
        assert (
            "sample",
            service.identity.id,
            "1.2.3",
            "true",
            f"io.nats.micro.v1.{verb.lower()}_response",
        ) == (
            document["name"],
            document["id"],
            document["version"],
            document["metadata"]["ready"],
            document["type"],
        )


async def test_info_says_which_contracts_it_has_and_the_polled_verbs_do_not(
    caller: MemoryTransport, service: Service
) -> None:
    metadata = (await ask(caller, "$SRV.INFO"))["metadata"]
    hashes = {endpoint.subject: endpoint.contract_hash() for endpoint in (SAY, SHOUT, WHISPER)}
    assert {"ready": "true", "contract": whole_hash(hashes), "contract_version": package_version()} == metadata
    assert {"ready": "true"} == (await ask(caller, "$SRV.PING"))["metadata"]


async def test_ping_says_no_more_than_who_it_is(caller: MemoryTransport, service: Service) -> None:
    assert {"name", "id", "version", "metadata", "type"} == set(await ask(caller, "$SRV.PING"))


@pytest.mark.parametrize("piece", [b"{}", b"1", b'{"name":"a"}'])
def test_the_longest_answer_to_ping_that_is_read_costs_little(piece: bytes) -> None:
    begin, end = b'{"name":"a","id":"b","version":"1","endpoints":[', piece + b"]}"
    costs = []
    for most in (MAX_PING, MAX_DOCUMENT):
        answer = begin + (piece + b",") * ((most - len(begin) - len(end)) // (len(piece) + 1)) + end
        began = time.thread_time()
        with suppress(Unreadable):
            read_ping(answer)
        costs.append(time.thread_time() - began)
    assert max(costs) < 0.03


async def test_why_it_is_not_ready_is_told_briefly(caller: MemoryTransport, service: Service) -> None:
    await service.pause("\u00e9" * 10_000)
    [document] = await ask_all(caller, "PING", enough=bool)
    assert "\u00e9" * 200 == document.reason


async def test_info_names_every_endpoint_with_its_contract(caller: MemoryTransport, service: Service) -> None:
    document = await ask(caller, "$SRV.INFO")
    assert {"name", "id", "version", "metadata", "type", "description", "endpoints"} == set(document)
    say = document["endpoints"][0]
    assert ("say", "sample.say", "q") == (say["name"], say["subject"], say["queue_group"])
    metadata = say["metadata"]
    assert {"access": "anyone", "idempotent": "true", "max_request": "16384", "timeout_ms": "5000"} == {
        name: value for name, value in metadata.items() if name != "contract"
    }
    assert 12 == len(metadata["contract"])
    assert ["say", "shout", "whisper"] == [one["name"] for one in document["endpoints"]]


async def test_stats_count_requests_errors_and_nanoseconds(caller: MemoryTransport, service: Service) -> None:
    fresh = (await ask(caller, "$SRV.STATS"))["endpoints"][0]
    assert (0, 0, "", 0, 0) == (
        fresh["num_requests"],
        fresh["num_errors"],
        fresh["last_error"],
        fresh["processing_time"],
        fresh["average_processing_time"],
    )
    await caller.request("sample.say", b"", {}, 5)
    await caller.request("sample.say", b"[]", {}, 5)
    document = await ask(caller, "$SRV.STATS")
    say = document["endpoints"][0]
    assert (2, 1) == (say["num_requests"], say["num_errors"])
    assert "422: must be an object" == say["last_error"]
    assert say["processing_time"] > 1000
    assert say["processing_time"] // 2 == say["average_processing_time"]
    assert {"name", "subject", "queue_group"} < set(say)
    assert document["started"].endswith("Z")
    assert datetime.fromisoformat(document["started"]) == service.identity.started


async def test_whoever_asks_all_and_is_cancelled_leaves_no_inbox_behind(caller: MemoryTransport) -> None:
    asking = asyncio.ensure_future(ask_all(caller, "PING", within=60))
    await asyncio.sleep(0)
    assert 1 == len(caller.broker.subscriptions)
    asking.cancel()
    await asyncio.wait([asking])
    assert [] == caller.broker.subscriptions


async def test_whoever_cannot_ask_all_leaves_no_inbox_behind(caller: MemoryTransport) -> None:
    caller.disconnect()
    with pytest.raises(Disconnected):
        await ask_all(caller, "PING")
    assert [] == caller.broker.subscriptions


async def test_what_discovery_tells_is_computed_once_at_the_start(caller: MemoryTransport) -> None:
    """The schemas take 10 ms, more than 100 where a process gives way to others: `nats micro ls` waits for 300 ms."""

    class Costly(Endpoint[Say, Said]):
        asked = 0

        @cached_property
        def _contract_hash(self) -> str:
            Costly.asked += 1
            return super()._contract_hash

    service = sample(MemoryTransport(caller.broker))
    service.add(Costly("sample.costly", Say, Said, Access.ANYONE), say)
    assert 1 == Costly.asked
    await service.start()
    assert await ask(caller, "$SRV.INFO") == await ask(caller, "$SRV.INFO")
    assert 1 == Costly.asked
