"""Durable events that a service publishes. On a private bus the kit stands in for the stream, and acknowledges them."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from conform.bus import NoAnswer
from conform.causes import WITHIN, caused, causer, published_events
from conform.check import Skip, Tally, rule
from conform.handling import handling
from conform.kit import Kit
from conform.neighbours.stream import nak_delay, until
from conform.shapes import Shape, compact, strict
from conform.tokens import payload_of
from mesh.core.errors import Refused
from mesh.transport.base import Message
from mesh.wire.names import CONTENT_TYPE, REQUEST_ID

_FEED: Final = "feed."
"""What the subject of a copy begins with."""
_READ: Final = "$JS.API.DIRECT.GET.FEED"
_SEQUENCE: Final = "Nats-Sequence"
_LONGEST: Final = 192 * 1024
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPAN: Final = "00f067aa0ba902b7-01"


@rule("W-EVT-1")
async def a_change_is_published_as_a_cloud_event(kit: Kit, tally: Tally) -> None:
    """A change is published as a CloudEvent, with the request id and the trace of the request that caused it."""
    trace, events = secrets.token_hex(16), published_events(kit)
    [message, *_], request_id = await caused(kit, f"00-{trace}-{_SPAN}")
    tally.expect(message.subject in events, f"{message.subject} is no durable event of the service")
    found = message.headers
    expected = {
        "ce-specversion": "1.0",
        "ce-type": message.subject.removeprefix("events."),
        "ce-source": f"/{kit.options.service}",
        "Nats-Msg-Id": found.get("ce-id"),
        CONTENT_TYPE: "application/json",
        REQUEST_ID: request_id,
    }
    for name, value in expected.items():
        tally.expect(found.get(name) == value, f"{message.subject}: {name} is {found.get(name)!r}")
    tally.expect(_UUID.fullmatch(found.get("ce-id", "")) is not None, f"{message.subject}: ce-id is no UUID")
    tally.expect(_TIME.fullmatch(found.get("ce-time", "")) is not None, f"{message.subject}: ce-time is no such time")
    tally.expect(bool(found.get("ce-subject")), f"{message.subject}: there is no ce-subject")
    tally.expect(f"-{trace}-" in found.get("traceparent", ""), f"{message.subject}: the trace is another")


@rule("W-EVT-2")
async def the_payload_of_an_event_fits_its_schema(kit: Kit, tally: Tally) -> None:
    """The payload of an event fits its schema, and has at most 192 KiB."""
    events = published_events(kit)
    [message, *_], _ = await caused(kit)
    tally.expect(len(message.payload) <= _LONGEST, f"{message.subject}: {len(message.payload)} bytes")
    shape = Shape(events[message.subject].payload)
    try:
        misfits = shape.misfits(strict(message.payload))
    except ValueError:
        misfits = ["no JSON by W-JSON"]
    tally.expect(not misfits, f"{message.subject}: {'; '.join(misfits[:2])}")


@rule("W-EVT-3")
async def an_event_without_acknowledgement_is_sent_again(kit: Kit, tally: Tally) -> None:
    """An event that the stream does not acknowledge is sent again, with the same id and the same payload."""
    published_events(kit)
    if not kit.options.private:
        raise Skip("the bus has streams of its own: try it on a private bus")
    [first, again, *_], _ = await caused(kit, unanswered=1)
    for name in ("Nats-Msg-Id", "ce-id"):
        same = first.headers.get(name) == again.headers.get(name) is not None
        tally.expect(same, f"{again.subject}: sent again with another {name}")
    tally.expect(first.payload == again.payload, f"{again.subject}: sent again with another payload")


@rule("W-EVT-7")
async def an_event_whose_own_event_is_not_stored_has_failed(kit: Kit, tally: Tally) -> None:
    """If what a service publishes for an event is not stored, the event is answered with -NAK and a delay."""
    events = await handling(kit)
    if not events.witness.publishes:
        raise Skip("the service keeps its own events in an outbox, or publishes none")
    one = await events.event()
    with kit.published.caused_by(one.headers[REQUEST_ID], unanswered=1) as heard:
        sequence = await events.send(one)
        await events.acknowledged(sequence)
    answers = events.heard([sequence])
    tally.expect(any(nak_delay(answer) is not None for answer in answers), f"{one.subject} is answered {answers[:2]}")
    tally.expect(len(heard) > 1, f"{one.subject} is acknowledged, and its own event is not stored")


@rule("W-EVT-10")
async def an_event_that_users_see_names_its_user(kit: Kit, tally: Tally) -> None:
    """An event that users see has the id of the user whose request caused it."""
    shown = _shown(kit)
    account = causer(kit)
    if account is None:
        raise Skip("the event is caused by nobody's request")
    user_id = payload_of(kit.token(account))["sub"]
    [message, *_], _ = await caused(kit)
    tally.expect(message.subject in shown, f"{message.subject} is no event that users see")
    found = strict(message.payload)
    names_user = isinstance(found, dict) and found.get("user_id") == user_id
    tally.expect(names_user, f"{message.subject}: user_id is not {user_id!r}")


@rule("W-EVT-10")
async def the_feed_has_a_copy_of_what_users_see(kit: Kit, tally: Tally) -> None:
    """The stream FEED has a copy of an event that users see, and the server publishes it with its place in FEED."""
    _shown(kit)
    if kit.options.private:
        raise Skip("a private bus has no stream FEED: check a running mesh")
    await _stored(kit, 1)  # raises Skip without the stream
    async with _copies(kit) as copies:
        [message, *_], request_id = await caused(kit)
        if not await until(lambda: any(one.headers.get(REQUEST_ID) == request_id for one in copies), WITHIN):
            raise NoAnswer(f"{message.subject}: the server published no copy within {WITHIN:g} s")
    [copy, *_] = [one for one in copies if one.headers.get(REQUEST_ID) == request_id]
    tally.expect(copy.subject == _FEED + message.subject, f"the copy of {message.subject} is {copy.subject}")
    tally.expect(copy.payload == message.payload, f"{copy.subject}: the copy has another payload")
    place = copy.headers.get(_SEQUENCE, "")
    tally.expect(place.isdecimal(), f"{copy.subject}: {_SEQUENCE} is {place!r}")
    if place.isdecimal():
        stored = await _stored(kit, int(place))
        tally.expect(stored == message.payload, f"{copy.subject}: FEED has another message at {place}")


def _shown(kit: Kit) -> set[str]:
    """The events of the service that users see. Raises Skip if there are none, or if they cannot be heard."""
    shown = {subject for subject, one in published_events(kit).items() if one.shown}
    if not shown:
        raise Skip("users see no event of the service")
    return shown


async def _stored(kit: Kit, place: int) -> bytes:
    """The payload that FEED has at this place; empty if there is none. Raises Skip if it cannot be read."""
    try:
        return (await kit.bus.ask(_READ, compact({"seq": place}))).payload
    except NoAnswer as why:
        raise Skip(f"the stream FEED cannot be read: {why}") from None


@asynccontextmanager
async def _copies(kit: Kit) -> AsyncIterator[list[Message]]:
    """What the server publishes from FEED meanwhile. Raises Skip if NATS does not allow to hear it."""
    heard: list[Message] = []
    try:
        listening = await kit.bus.transport.subscribe(f"{_FEED}>", heard.append)
    except Refused as why:
        raise Skip(str(why)) from None
    try:
        yield heard
    finally:
        await listening.drain()
