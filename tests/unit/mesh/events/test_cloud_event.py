from uuid import UUID, uuid4

import pytest

from contracts.orders_events import OrderDelivered
from mesh.core.context import Context, working_on
from mesh.core.event import MAX_DURABLE, Event
from mesh.events import cloud_event
from mesh.events.cloud_event import CloudEvent, Misfit, compose, read
from tests.support.events.sample_events import HAPPENED, SETTLED, Happened
from tests.support.mesh.sample_service import Said

CAUSE = CloudEvent(str(uuid4()), "orders.placed", "/orders", "7", "")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_names_of_an_event_follow_from_its_subject() -> None:
    assert ("sample", "sample.happened") == (HAPPENED.service, HAPPENED.type)


@pytest.mark.parametrize("subject", ["events.sample", "sample.happened", "events.a.b.c", "events.A.b"])
def test_other_subjects_are_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="not the subject of an event"):
        Event(subject, Happened, durable=True)


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_event_of_a_user_can_be_shown(durable: bool) -> None:  # noqa: FBT001
    with pytest.raises(ValueError, match="only a durable event with a user_id can be shown"):
        Event("events.sample.happened", Happened if durable else OrderDelivered, durable=durable, shown=True)


def test_an_event_is_read_as_it_was_composed() -> None:
    outgoing = compose(HAPPENED, Happened(number=1), "a7")
    event = read(outgoing.headers)

    assert (str(outgoing.id), "sample.happened", "/sample", "a7") == event[:4]
    assert event.id == outgoing.headers["Nats-Msg-Id"]
    assert b'{"number":1}' == outgoing.body
    assert "application/json" == outgoing.headers["Content-Type"]


async def test_an_event_carries_the_request_and_the_trace_that_cause_it() -> None:
    with working_on(Context("from-http", 0.0, trace={"traceparent": TRACE, "baggage": "secret=1"})):
        headers = compose(HAPPENED, Happened(number=1), "a").headers

    assert ("from-http", TRACE) == (headers["X-Request-Id"], headers["traceparent"])
    assert "baggage" not in headers


def test_outside_of_a_request_an_event_has_a_request_id_of_its_own() -> None:
    ids = {compose(HAPPENED, Happened(number=1), "a").headers["X-Request-Id"] for _ in range(2)}
    assert 2 == len(ids)


async def test_a_handler_that_runs_again_publishes_the_same_event() -> None:
    cloud_event.begin(CAUSE)
    ids = [
        compose(event, Happened(number=number), aggregate).id
        for event, number, aggregate in ((HAPPENED, 1, "a"), (HAPPENED, 2, "a"), (HAPPENED, 1, "b"), (SETTLED, 1, "a"))
    ]

    assert ids[0] == ids[1]
    assert 3 == len({*ids})


async def test_a_given_id_counts() -> None:
    assert UUID(int=7) == compose(HAPPENED, Happened(number=1), "a", UUID(int=7)).id


@pytest.mark.parametrize("aggregate", ["", " a", "a ", "a\nb", "Å", "a" * 257])
def test_an_aggregate_that_no_header_can_carry_is_refused(aggregate: str) -> None:
    with pytest.raises(ValueError, match="an aggregate's id is 1 to 256 printable ASCII characters"):
        compose(HAPPENED, Happened(number=1), aggregate)


def test_a_payload_over_the_limit_is_refused_before_it_is_written() -> None:
    said = Event("events.sample.said", Said, durable=True)
    with pytest.raises(ValueError, match="over the limit"):
        compose(said, Said(text="1" * MAX_DURABLE), "a")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"ce-specversion": None}, "the message has no ce-specversion"),
        ({"ce-specversion": "2.0"}, "the message has a ce-specversion other than 1.0"),
        ({"ce-id": None}, "ce-id is missing"),
        ({"ce-id": "7"}, "ce-id is not a UUID"),
        ({"ce-type": ""}, "ce-type is missing"),
        ({"ce-type": "Å"}, "ce-type is missing, or not 1 to 256 printable ASCII characters"),
        ({"ce-source": "a" * 257}, "ce-source is missing, or not 1 to 256"),
        ({"Content-Type": "application/xml"}, "the content type is not application/json"),
    ],
)
def test_what_is_no_cloud_event_is_told(changes: dict[str, str | None], detail: str) -> None:
    headers: dict[str, str | None] = {**compose(HAPPENED, Happened(number=1), "a").headers, **changes}
    with pytest.raises(Misfit, match=detail) as raised:
        read({name: value for name, value in headers.items() if value is not None})
    assert "no_cloud_event" == raised.value.reason


@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "Application/JSON"])
def test_other_ways_to_say_json_are_read(content_type: str | None) -> None:
    headers: dict[str, str | None] = {
        **compose(HAPPENED, Happened(number=1), "a").headers,
        "Content-Type": content_type,
        "ce-subject": None,
        "ce-time": None,
    }
    event = read({name: value for name, value in headers.items() if value is not None})
    assert ("", "") == (event.subject, event.time)


def test_an_id_is_compared_in_one_form() -> None:
    headers = compose(HAPPENED, Happened(number=1), "a", UUID(int=255)).headers
    assert read(headers) == read({**headers, "ce-id": headers["ce-id"].upper()})
