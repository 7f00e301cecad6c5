from dataclasses import replace

import pytest

from ops.permissions import permissions
from ops.streams import MAX_ACK_PENDING, MAX_AGE, Stream, streams
from services import PROCESSES
from subjects import EVENTS as DECLARED
from tests.support.events.durable_events import (
    ALL_EVENTS,
    ALL_ROWS,
    DEPOT,
    EVENTS,
    EVENTS_DEPOT_RESERVED,
    EVENTS_SALES_PLACED,
    EVENTS_SALES_SEEN,
    IDLE,
    ROWS,
    SALES,
)

HOUR = 3600 * 10**9


@pytest.fixture
def events() -> Stream:
    return streams(ROWS, EVENTS)[0]


@pytest.fixture
def dead() -> Stream:
    return streams(ROWS, EVENTS)[1]


def test_the_projects_own_tables_fit_together() -> None:
    assert (3 if any(event.durable for event in DECLARED) else 0) == len(streams(PROCESSES, DECLARED))


def test_where_no_event_is_durable_there_are_no_streams() -> None:
    assert () == streams([IDLE, *PROCESSES[:1]], [EVENTS_SALES_SEEN])


def test_the_stream_stores_durable_events_and_retries_and_nothing_else(events: Stream) -> None:
    assert "EVENTS" == events.name
    assert {
        *("events.sales.placed", "events.sales.cancelled", "events.depot.reserved"),
        *("retry.sales", "retry.depot", "retry.courier"),
    } == set(events.subjects)


def test_each_service_that_handles_events_has_one_consumer_of_its_name(events: Stream) -> None:
    assert {
        "sales": ("events.depot.reserved", "retry.sales"),
        "depot": ("events.sales.placed", "events.sales.cancelled", "retry.depot"),
        "courier": ("events.sales.placed", "retry.courier"),
    } == {consumer.name: consumer.subjects for consumer in events.consumers}


def test_nothing_that_is_stored_gives_way_to_what_is_new(events: Stream, dead: Stream) -> None:
    for stream in (events, dead):
        config = stream.config()
        assert ("limits", "new", "file") == (config["retention"], config["discard"], config["storage"])
        assert config["deny_purge"]
        assert 0 < config["max_bytes"]
    assert 30 * 24 * HOUR == MAX_AGE == events.config()["max_age"]
    assert events.config()["deny_delete"]
    assert 0 == dead.config()["max_age"]
    assert not dead.config()["deny_delete"]


def test_a_dead_letter_has_room_for_its_reason(events: Stream, dead: Stream) -> None:
    assert events.config()["max_msg_size"] + 4096 < dead.config()["max_msg_size"]


def test_a_consumer_delivers_until_it_is_acknowledged_and_a_bounded_number_at_once(events: Stream) -> None:
    for consumer in events.consumers:
        config = consumer.config()
        assert ("explicit", "all", -1) == (config["ack_policy"], config["deliver_policy"], config["max_deliver"])
        assert MAX_ACK_PENDING == config["max_ack_pending"]
        assert consumer.name == config["durable_name"]
        assert "backoff" not in config


def test_the_streams_fit_into_what_nats_conf_gives() -> None:
    assert sum(stream.max_bytes for stream in streams(PROCESSES, DECLARED)) < 10 * 10**9


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(IDLE, handles=(EVENTS_SALES_SEEN,)), "idle handles events.sales.seen, which is no durable event"),
        (replace(IDLE, handles=(EVENTS_SALES_PLACED, EVENTS_SALES_PLACED)), "idle handles an event twice"),
        (replace(IDLE, serves=False, handles=(EVENTS_SALES_PLACED,)), "idle is no worker"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(row: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        streams([*ROWS, row], EVENTS)  # type: ignore[list-item]


def test_an_event_that_nobody_publishes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no worker depot publishes events\.depot\.reserved"):
        streams([SALES], [EVENTS_DEPOT_RESERVED])


def test_the_feed_copies_exactly_what_is_shown_and_republishes_it() -> None:
    [feed] = [stream for stream in streams(PROCESSES, DECLARED) if stream.name == "FEED"]
    assert () == feed.subjects
    assert {event.subject for event in DECLARED if event.shown} == set(feed.copies)
    assert {"src": ">", "dest": "feed.>"} == feed.config()["republish"]
    assert ("old", 24 * HOUR) == (feed.config()["discard"], feed.config()["max_age"])
    assert "FEED" not in {stream.name for stream in streams(ROWS, EVENTS)}, "nothing of these is shown"


def test_a_worker_may_pull_and_acknowledge_at_its_own_consumer_alone() -> None:
    handling = {row.name for row in ALL_ROWS if row.handles}
    for user, allowed in permissions(ALL_ROWS, ALL_EVENTS).items():
        own = {one for one in allowed.publish if one.startswith(("$JS", "dead", "retry", "feed"))}
        if user in {"operator", "deployer", "console"}:
            continue
        if user == "gateway":
            assert {"$JS.API.DIRECT.GET.FEED"} == own
            continue
        assert own == (
            {f"$JS.API.CONSUMER.MSG.NEXT.EVENTS.{user}", f"$JS.ACK.EVENTS.{user}.>", f"dead.{user}"}
            if user in handling
            else set()
        ), user


def test_nobody_subscribes_to_what_streams_deliver() -> None:
    for user, allowed in permissions(ALL_ROWS, ALL_EVENTS).items():
        heard = [one for one in allowed.subscribe if one.startswith(("$JS", "$KV", "$O", "retry", "dead"))]
        assert [] == heard, user
    assert "events.sales.placed" not in permissions(ALL_ROWS, ALL_EVENTS)[DEPOT.name].subscribe
