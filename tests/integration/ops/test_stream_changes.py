"""What is declared is made at a real server, changed where it differs, and never at the cost of what is stored."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devstack.servers.all import Servers
from mesh.core.event import Event
from mesh.events.jetstream import delivery
from mesh.events.stored import StreamError
from ops.jetstream import JetStream, StreamInfo
from ops.process import Process
from ops.stream_changes import Change, Wishes, apply
from ops.streams import Stream, streams
from tests.support.events import durable_events
from tests.support.events.durable_events import (
    ALL_EVENTS,
    ALL_ROWS,
    COURIER,
    DEPOT,
    EVENTS,
    EVENTS_DEPOT_RESERVED,
    EVENTS_SALES_CANCELLED,
    EVENTS_SALES_PLACED,
    ROWS,
    connected,
    publish,
    pull,
)

DECLARED = streams(ROWS, EVENTS)
CONSUMERS = {"EVENTS/sales", "EVENTS/depot", "EVENTS/courier"}


def declared(rows: Iterable[Process] = ROWS, events: Iterable[Event[Any]] = EVENTS) -> tuple[Stream, ...]:
    return streams(rows, events)


def outcomes(changes: Iterable[Change]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for change in changes:
        found.setdefault(change.outcome, set()).add(change.name)
    return found


async def stream(asked: JetStream, name: str = "EVENTS") -> StreamInfo:
    found = await asked.stream(name, subjects=">")
    assert found is not None
    return found


async def tampered(asked: JetStream, **changes: object) -> None:
    """Change the stream by hand, as its deployer might."""
    await asked.update_stream({**(await stream(asked)).config, **changes})


async def test_a_first_run_makes_all_of_it_and_a_second_changes_nothing(deployer: JetStream) -> None:
    everything = {"EVENTS", "DEAD", *CONSUMERS}
    assert {"created": everything} == outcomes(await apply(deployer, DECLARED))
    assert {"unchanged": everything} == outcomes(await apply(deployer, DECLARED))


async def test_what_the_server_has_is_what_was_declared(deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    for one in DECLARED:
        config = (await stream(deployer, one.name)).config
        assert {key: config.get(key, 0) for key in one.config()} == one.config()
        found = {info.name: info for info in await deployer.consumers(one.name)}
        assert {consumer.name: consumer.subjects for consumer in one.consumers} == {
            name: info.subjects for name, info in found.items()
        }


async def test_a_service_and_an_event_more_are_added_and_nothing_is_lost(empty: Servers, deployer: JetStream) -> None:
    less = declared(
        [replace(DEPOT, handles=(EVENTS_SALES_PLACED,)), ROWS[0]], [EVENTS_SALES_PLACED, EVENTS_DEPOT_RESERVED]
    )
    await apply(deployer, less)
    async with connected(empty, "sales") as sales, connected(empty, "courier") as courier:
        await publish(sales, "events.sales.placed", b'{"sale_id": 1}')
        changes = await apply(deployer, DECLARED)
        assert {
            "changed": {"EVENTS", "EVENTS/depot"},
            "created": {"EVENTS/courier"},
            "unchanged": {"DEAD", "EVENTS/sales"},
        } == outcomes(changes)
        [message] = await pull(courier, "courier")  # it was published before its consumer was there
        assert b'{"sale_id": 1}' == message.payload


async def test_an_event_that_is_stored_is_not_taken_out_unless_told(empty: Servers, deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    async with connected(empty, "sales") as sales:
        await publish(sales, "events.sales.cancelled")
    less = declared(
        [replace(row, handles=tuple(one for one in row.handles if one is not EVENTS_SALES_CANCELLED)) for row in ROWS],
        [event for event in EVENTS if event is not EVENTS_SALES_CANCELLED],
    )
    left = [change for change in await apply(deployer, less) if change.outcome == "left"]
    assert ["EVENTS", "EVENTS/depot"] == [change.name for change in left]
    assert "events.sales.cancelled is not declared; it holds 1 messages" in left[0].detail
    assert "events.sales.cancelled" in (await stream(deployer)).config["subjects"]
    async with connected(empty, "depot") as depot:
        [message] = await pull(depot, "depot")
        assert "events.sales.cancelled" == message.subject

    assert {"EVENTS", "EVENTS/depot"} == outcomes(await apply(deployer, less, Wishes(prune=True)))["changed"]
    assert "events.sales.cancelled" not in (await stream(deployer)).config["subjects"]


async def test_an_event_that_nothing_is_stored_of_goes_with_its_declaration(deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    less = declared(
        [replace(row, handles=tuple(one for one in row.handles if one is not EVENTS_SALES_CANCELLED)) for row in ROWS],
        [event for event in EVENTS if event is not EVENTS_SALES_CANCELLED],
    )
    assert {"EVENTS", "EVENTS/depot"} == outcomes(await apply(deployer, less))["changed"]
    assert {"unchanged"} == outcomes(await apply(deployer, less)).keys()


async def test_what_a_stream_has_overheard_is_no_reason_to_hear_more(empty: Servers, deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    await tampered(deployer, subjects=[*DECLARED[0].subjects, "auth.login"])
    async with connected(empty, "gateway") as gateway:
        await publish(gateway, "auth.login")
    await apply(deployer, DECLARED)
    assert "auth.login" not in (await stream(deployer)).config["subjects"]


async def test_a_consumer_that_nobody_declares_is_named_and_left_unless_told(deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    less = declared([row for row in ROWS if row is not COURIER])
    left = [change for change in await apply(deployer, less) if change.outcome == "left"]
    assert ["EVENTS/courier"] == [change.name for change in left]
    assert {"EVENTS/courier"} == outcomes(await apply(deployer, less, Wishes(prune=True)))["removed"]
    assert {"sales", "depot"} == {info.name for info in await deployer.consumers("EVENTS")}


async def test_shorter_or_smaller_limits_lose_nothing_unless_told(empty: Servers, deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    await tampered(deployer, max_age=0)
    assert "changed" in outcomes(await apply(deployer, DECLARED)), "an empty stream has nothing to lose"
    await tampered(deployer, max_age=0)
    async with connected(empty, "sales") as sales:
        await publish(sales, "events.sales.placed", b"x" * 1000)
    [refused] = [change for change in await apply(deployer, DECLARED) if change.outcome == "refused"]
    assert "max_age would be shorter" in refused.detail
    await apply(deployer, DECLARED, Wishes(prune=True))
    refused, *_ = await apply(deployer, DECLARED, Wishes(max_bytes=500))
    assert "refused" == refused.outcome
    assert 1 == (await stream(deployer)).state.messages


async def test_what_an_operator_has_decided_is_kept(deployer: JetStream) -> None:
    await apply(deployer, DECLARED, Wishes(max_bytes=2**30))
    assert "unchanged" == (await apply(deployer, DECLARED))[0].outcome
    assert 2**30 == (await stream(deployer)).config["max_bytes"]


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": ["events.sales.placed", "auth.login"]},
        {"subjects": ["auth.>"], "no_ack": True},
        {"republish": {"src": ">", "dest": "auth.>"}},
        {"sources": [{"name": "THEIRS"}]},
        {"discard": "old"},
        {"max_msg_size": -1},
    ],
)
async def test_a_stream_that_was_changed_by_hand_is_put_right(deployer: JetStream, change: dict[str, Any]) -> None:
    await apply(deployer, DECLARED)
    await tampered(deployer, **change)
    assert "changed" == (await apply(deployer, DECLARED))[0].outcome
    config = (await stream(deployer)).config
    assert set(DECLARED[0].subjects) == set(config["subjects"])
    assert not config.get("republish")
    assert not config.get("no_ack")
    assert not config.get("sources")
    assert ("new", DECLARED[0].config()["max_msg_size"]) == (config["discard"], config["max_msg_size"])


async def test_a_consumer_that_was_read_again_is_not_changed(empty: Servers, deployer: JetStream) -> None:
    await apply(deployer, DECLARED)
    async with connected(empty, "sales") as sales:
        for _ in range(3):
            await publish(sales, "events.sales.placed")
    await deployer.reset_consumer("EVENTS", "courier", 2)
    assert {"unchanged"} == outcomes(await apply(deployer, DECLARED)).keys()
    found = await deployer.consumer("EVENTS", "courier")
    assert found is not None
    assert 2 == found.num_pending


async def test_a_stream_of_somebody_else_is_named_and_left(tmp_path: Path) -> None:
    """Where an account has room for one more: nats.conf gives none."""
    async with durable_events.nats(tmp_path, streams=False) as servers:
        configuration = tmp_path / "nats.conf"
        text = configuration.read_text()
        opened = text.replace("max_streams: 3", "max_streams: 4").replace(
            '"$JS.API.STREAM.CREATE.DEAD"', '"$JS.API.STREAM.CREATE.DEAD", "$JS.API.STREAM.CREATE.THEIRS"'
        )
        assert text != opened
        configuration.write_text(opened)
        await servers.reload("nats")
        async with connected(servers, "deployer") as transport:
            asked = JetStream(transport)
            await asked.create_stream(
                {"name": "THEIRS", "subjects": ["theirs.>"], "storage": "file", "max_bytes": 1000}
            )
            [left] = [one for one in await apply(asked, DECLARED, Wishes(prune=True)) if one.outcome == "left"]
            assert ("stream", "THEIRS") == (left.kind, left.name)


async def test_the_server_refuses_what_it_cannot_do_in_one_line(deployer: JetStream) -> None:
    with pytest.raises(StreamError, match=r"STREAM\.CREATE\.EVENTS: .*replicas > 1"):
        await apply(deployer, DECLARED, Wishes(replicas=3))


async def test_two_runs_at_once_amid_publications_agree_and_lose_nothing(empty: Servers, deployer: JetStream) -> None:
    less = declared([DEPOT, ROWS[0]], [EVENTS_SALES_PLACED, EVENTS_SALES_CANCELLED, EVENTS_DEPOT_RESERVED])
    stored, over = list[int](), asyncio.Event()
    async with (
        connected(empty, "deployer") as second,
        connected(empty, "sales") as sales,
        connected(empty, "depot") as depot,
    ):

        async def both(wanted: tuple[Stream, ...]) -> None:
            one, other = (apply(asked, wanted) for asked in (deployer, JetStream(second)))
            found = await asyncio.gather(one, other)
            assert not {"refused"} & {*outcomes(found[0]), *outcomes(found[1])}
            assert {"unchanged"} >= {*outcomes(await apply(deployer, wanted))} - {"left"}

        async def sell() -> None:
            while not over.is_set() and len(stored) < 500:  # what one pull may take
                answer = json.loads(await publish(sales, "events.sales.placed", b'{"sale_id": 1}'))
                stored.append(answer["seq"])

        await both(less)
        selling = asyncio.create_task(sell())
        for _ in range(3):
            await both(DECLARED)
            await both(less)
            await asyncio.gather(apply(deployer, DECLARED, Wishes(max_bytes=10**9)), apply(JetStream(second), DECLARED))
        over.set()
        await selling
        found = await pull(depot, "depot", len(stored))
    assert [*range(1, len(stored) + 1)] == stored
    assert len(stored) == (await stream(deployer)).state.messages
    assert stored == [taken.sequence for message in found if (taken := delivery(message))]


async def test_a_full_stream_refuses_what_is_new_and_keeps_what_is_stored(empty: Servers, deployer: JetStream) -> None:
    await apply(deployer, DECLARED, Wishes(max_bytes=4000))
    async with connected(empty, "sales") as sales:
        answers = [json.loads(await publish(sales, "events.sales.placed", b"x" * 1000)) for _ in range(5)]
    assert [1, 2, 3] == [answer["seq"] for answer in answers if "error" not in answer]
    assert 1 == (await stream(deployer)).state.first_seq


async def test_a_cluster_stores_three_copies(tmp_path: Path) -> None:
    async with durable_events.nats(tmp_path, nodes=3) as servers:
        async with connected(servers, "deployer") as transport:
            asked = JetStream(transport, within=30)
            assert {3} == {(await stream(asked, name)).config["num_replicas"] for name in ("EVENTS", "DEAD")}
            assert {"unchanged"} == outcomes(await apply(asked, streams(ALL_ROWS, ALL_EVENTS))).keys()
        async with connected(servers, "sales") as sales:
            await publish(sales, "events.sales.placed", b'{"sale_id": 1}')
        await servers.kill("nats-1")
        async with connected(servers, "depot") as depot:
            [message] = await pull(depot, "depot")
            assert b'{"sale_id": 1}' == message.payload
