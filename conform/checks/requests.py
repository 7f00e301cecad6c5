"""How a request is taken: bare arguments, reply subjects, sizes, headers that nobody knows."""

import asyncio
from typing import Any

from conform.bus import TIMEOUT
from conform.check import Skip, Tally, rule
from conform.golden import examples
from conform.kit import Kit
from conform.shapes import compact
from conform.writes import Write, writes

_SILENCE = 0.5
"""Seconds in which an answer would come that must not."""


@rule("W-REQ-1")
async def arguments_have_no_envelope(kit: Kit, tally: Tally) -> None:
    """Arguments in an envelope are refused, since it is an unknown field."""
    envelopes: tuple[dict[str, object], ...] = ({"data": {}}, {"pattern": kit.options.service, "data": {}, "id": "1"})
    for endpoint in kit.endpoints:
        for envelope in envelopes:
            reply = await kit.ask(endpoint, envelope)
            tally.expect(
                reply.reason == "invalid_payload" and "data" in reply.fields, f"{endpoint.subject}: {reply.said}"
            )


@rule("W-REQ-3")
async def no_reply_subject_no_effect(kit: Kit, tally: Tally) -> None:
    """A write without a reply subject is not executed."""
    await _dropped(kit, tally, "")


@rule("W-REQ-3")
async def foreign_reply_subjects_hear_nothing(kit: Kit, tally: Tally) -> None:
    """A write with a reply subject that is no inbox is neither executed nor answered."""
    await _dropped(kit, tally, f"conform.foreign.{kit.keys.number()}")


async def _dropped(kit: Kit, tally: Tally, reply: str) -> None:
    write, mark = writes(kit), f"dropped{kit.keys.number()}"
    heard = list[object]()
    if reply:
        if not kit.options.private:
            raise Skip("the bus is not private, and NATS lets nobody hear foreign subjects")
        listening = await kit.bus.transport.subscribe(reply, heard.append)
    request = {**await kit.givens.fill(write.request), write.text: mark}
    headers = {"Authorization": f"Bearer {kit.token('admin')}"}
    for _ in range(2 if kit.options.against is None else 6):
        kit.bus.publish(write.create.subject, compact(request), headers, reply=reply)
    await asyncio.sleep(_SILENCE)
    tally.expect(not await _made(kit, write, request), f"{write.create.subject} was executed")
    if reply:
        await listening.drain()
        tally.expect(not heard, f"{write.create.subject} answered on {reply}")


async def _made(kit: Kit, write: Write, request: dict[str, Any]) -> bool:
    """Whether there is such a row."""
    if write.key in request:
        return (await kit.ask(write.get, {write.key: request[write.key]}, account=write.account)).ok
    listing = kit.endpoint(f"{kit.options.service}.list")
    if listing is None or "q" not in listing.request["properties"]:
        raise Skip("no row can be looked for whose id the worker chooses")
    return bool(((await kit.ask(listing, {"q": request[write.text]})).body or {}).get("items"))


@rule("W-REQ-4")
async def an_empty_body_is_an_empty_object(kit: Kit, tally: Tally) -> None:
    """A body of no bytes is answered like {}."""
    for endpoint in (one for one in kit.endpoints if one.read or one.request.get("required")):
        empty, braces = await kit.ask(endpoint, b""), await kit.ask(endpoint, b"{}")
        same = (empty.reason, sorted(empty.fields)) == (braces.reason, sorted(braces.fields))
        tally.expect(same, f"{endpoint.subject}: {empty.said}, but {braces.said} for {{}}")
        blank = await kit.ask(endpoint, b" ")
        tally.expect(blank.reason == "malformed_json", f"{endpoint.subject}: a blank is {blank.said}")


@rule("W-REQ-5")
async def an_oversize_request_is_refused(kit: Kit, tally: Tally) -> None:
    """A body of `max_request` bytes is read, and one more byte is `request_too_large`."""
    for endpoint in kit.endpoints:
        full = b"{}" + b" " * (endpoint.max_request - 2)
        over = await kit.ask(endpoint, full + b" ")
        tally.expect(over.reason == "request_too_large", f"{endpoint.subject}: one byte more: {over.said}")
        if endpoint.read or endpoint.request.get("required"):
            most = await kit.ask(endpoint, full)
            tally.expect(most.reason != "request_too_large", f"{endpoint.subject}: the longest body is {most.said}")


@rule("W-REQ-6")
async def unknown_headers_are_ignored(kit: Kit, tally: Tally) -> None:
    """Unknown headers, odd traces and addresses change nothing."""
    endpoint = kit.open_endpoint()
    odd = {
        "X-Nobody-Knows": "1",
        "traceparent": "00-nonsense",
        "tracestate": "=",
        "baggage": ";;",
        "Client-Address": "nowhere",
    }
    for example in examples(kit.material.examples, endpoint.subject)[:1]:
        request = await kit.givens.fill(example.request)
        plain = await kit.ask(endpoint, request)
        for name, value in odd.items():
            reply = await kit.ask(endpoint, request, headers={name: value})
            tally.expect(reply.reason == plain.reason, f"{name}: {value} makes it {reply.said}")


@rule("W-REQ-6")
async def header_names_have_no_case(kit: Kit, tally: Tally) -> None:
    """Headers are read without regard to case."""
    endpoint = kit.open_endpoint()
    block = b"NATS/1.0\r\nx-request-ID: conform-case\r\nREQUEST-timeout: soon\r\n\r\n"
    reply = await kit.ask(endpoint, b"{}", block=block, timeout=TIMEOUT)
    tally.expect(reply.reason == "invalid_header", f"REQUEST-timeout: soon is {reply.said}")
    tally.expect(reply.headers.get("X-Request-Id") == "conform-case", "x-request-ID was not read")
