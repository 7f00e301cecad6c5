"""Durable events that a service publishes. On a private bus the kit stands in for the stream, and acknowledges them."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from conform.bus import NoAnswer
from conform.check import Skip, Tally, rule
from conform.handling import handling
from conform.kit import Kit
from conform.shapes import Shape, strict
from conform.stream import nak_delay
from conform.tokens import payload_of
from conform.writes import writes
from mesh.transport.base import Message
from mesh.wire.names import CONTENT_TYPE, REQUEST_ID
from ops.contracts.tree import EventContract

_WITHIN: Final = 30.0
"""Seconds to wait for an event: what earlier checks have written is sent first."""
_LONGEST: Final = 192 * 1024
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPAN: Final = "00f067aa0ba902b7-01"


@rule("W-EVT-1")
async def a_change_is_published_as_a_cloud_event(kit: Kit, tally: Tally) -> None:
    """A change is published as a CloudEvent, with the request id and the trace of the request that caused it."""
    trace, events = secrets.token_hex(16), _published(kit)
    [message, *_], request_id = await _caused(kit, f"00-{trace}-{_SPAN}")
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
    events = _published(kit)
    [message, *_], _ = await _caused(kit)
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
    _published(kit)
    [first, again, *_], _ = await _caused(kit, unanswered=1)
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
    shown = {subject for subject, one in _published(kit).items() if one.shown}
    if not shown:
        raise Skip("users see no event of the service")
    user_id = payload_of(kit.token(writes(kit).account))["sub"]
    [message, *_], _ = await _caused(kit)
    tally.expect(message.subject in shown, f"{message.subject} is no event that users see")
    found = strict(message.payload)
    names_user = isinstance(found, dict) and found.get("user_id") == user_id
    tally.expect(names_user, f"{message.subject}: user_id is not {user_id!r}")


def _published(kit: Kit) -> dict[str, EventContract]:
    """The durable events of the service. Raises Skip if there are none, or if the bus has a stream of its own."""
    all_ = kit.material.contracts.events.values()
    found = {one.subject: one for one in all_ if one.service == kit.options.service and one.durable}
    if not found:
        raise Skip("the service publishes no durable events")
    if not kit.options.private:
        raise Skip("the bus has streams: the kit cannot stand in for them")
    return found


async def _caused(kit: Kit, traceparent: str = "", unanswered: int = 0) -> tuple[list[Message], str]:
    """The events that a change has caused, as they were sent, and its request id. So many are not acknowledged."""
    request_id = f"conform-{secrets.token_hex(8)}"
    headers = {REQUEST_ID: request_id} | ({"traceparent": traceparent} if traceparent else {})
    with kit.published.caused_by(request_id, unanswered) as heard:
        cause = await _cause(kit, headers)
        ends = asyncio.get_running_loop().time() + _WITHIN
        while len(heard) <= unanswered:
            if asyncio.get_running_loop().time() > ends:
                raise NoAnswer(f"{cause} caused {len(heard)} messages of events within {_WITHIN:g} s")
            await asyncio.sleep(0.05)
    return heard, request_id


async def _cause(kit: Kit, headers: Mapping[str, str]) -> str:
    """Have the service change something, and return the subject of the write or the event. Raises Skip."""
    try:
        write = writes(kit)
    except Skip:
        events = await handling(kit)
        if not events.witness.publishes:
            raise
        made = await events.event()
        await events.send(replace(made, headers={**made.headers, **headers}))
        return made.subject
    reply = await kit.ask(write.create, await kit.givens.fill(write.request), account=write.account, headers=headers)
    if not reply.ok:
        raise Skip(f"{write.create.subject} answered {reply.said}")
    return write.create.subject
