"""The examples of events: what a publisher of this code writes, and what a consumer reads."""

import json
from typing import Any

import pytest

import subjects
from conform.golden import differences
from mesh.core.event import Event
from mesh.events.cloud_event import compose, read
from tests.support.contract import golden
from tests.support.contract.golden import EventExample
from tests.support.events.sample_events import HAPPENED

EVENTS: tuple[Event[Any], ...] = tuple(value for value in vars(subjects).values() if isinstance(value, Event))
BY_SUBJECT = {event.subject: event for event in EVENTS}
SAMPLE = EventExample(
    HAPPENED.subject,
    {"number": 1},
    {
        "ce-specversion": "1.0",
        "ce-id": "<uuid>",
        "ce-type": "sample.happened",
        "ce-source": "/sample",
        "ce-subject": "7",
        "ce-time": "<time>",
        "Content-Type": "application/json",
        "Nats-Msg-Id": "<uuid>",
        "X-Request-Id": "<id>",
    },
)


def test_every_event_has_an_example_and_every_example_an_event() -> None:
    assert BY_SUBJECT.keys() == golden.event_examples().keys()


def check(event: Event[Any], example: EventExample) -> None:
    """Read the example as a consumer does, write it as a publisher does."""
    body = json.dumps(example.payload).encode()
    payload = event.read(body)
    assert [] == differences(example.payload, json.loads(payload.model_dump_json()), "payload")
    if not event.durable:
        assert {} == example.headers
        return
    outgoing = compose(event, payload, example.headers["ce-subject"])
    assert [] == differences(example.headers, outgoing.headers, "headers")
    assert event.type == read(outgoing.headers).type


@pytest.mark.parametrize("example", golden.event_examples().values(), ids=lambda example: example.subject)
def test_an_event_is_written_and_read_as_in_its_example(example: EventExample) -> None:
    check(BY_SUBJECT[example.subject], example)


def test_a_durable_event_is_written_and_read_as_in_its_example() -> None:
    check(HAPPENED, SAMPLE)


@pytest.mark.parametrize(
    "wrong",
    [
        EventExample(HAPPENED.subject, {"number": 1, "more": 2}, SAMPLE.headers),
        EventExample(HAPPENED.subject, {"number": 1}, {**SAMPLE.headers, "ce-source": "/other"}),
        EventExample(HAPPENED.subject, {"number": 1}, {**SAMPLE.headers, "more": "1"}),
    ],
)
def test_an_example_that_differs_is_found(wrong: EventExample) -> None:
    with pytest.raises(AssertionError):
        check(HAPPENED, wrong)
