"""Has the service under test publish a durable event, by a request or by an event that it handles."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from conform.bus import NoAnswer
from conform.check import Skip
from conform.golden import examples
from conform.handling import handling
from conform.kit import Kit
from conform.writes import writes
from mesh.transport.base import Message
from mesh.wire.names import REQUEST_ID
from ops.contracts.tree import EndpointContract, EventContract

CAUSES: Final[Mapping[str, str]] = {"auth": "auth.register", "shipping": "shipping.dispatch", "stock": "orders.place"}
"""By service, an endpoint whose golden example makes it publish an event. Other services announce the rows that they
create. On a private bus stock gets the event of orders from the kit."""
WITHIN: Final = 30.0
"""Seconds to wait for an event: what earlier checks have written is sent first."""
_EVERY: Final = 0.05


@dataclass(frozen=True)
class _Request:
    endpoint: EndpointContract
    example: object
    """Of its golden file, with braces."""
    account: str | None


def published_events(kit: Kit) -> dict[str, EventContract]:
    """The durable events of the service, by subject. Raises Skip if there are none, or if they cannot be heard."""
    all_ = kit.material.contracts.events.values()
    found = {one.subject: one for one in all_ if one.service == kit.options.service and one.durable}
    if not found:
        raise Skip("the service publishes no durable events")
    if kit.published.deaf:
        raise Skip(kit.published.deaf)
    return found


def causer(kit: Kit) -> str | None:
    """The account whose request causes an event; None if anyone's does. Raises Skip if no request does."""
    return _request(kit).account


async def caused(kit: Kit, traceparent: str = "", unanswered: int = 0) -> tuple[list[Message], str]:
    """The events that a change has caused, as they were sent, and its request id. So many are not acknowledged.

    Raises Skip if the kit cannot change anything, and NoAnswer if nothing is published.
    """
    request_id = f"conform-{secrets.token_hex(8)}"
    headers = {REQUEST_ID: request_id} | ({"traceparent": traceparent} if traceparent else {})
    with kit.published.caused_by(request_id, unanswered) as heard:
        cause = await _cause(kit, headers)
        ends = asyncio.get_running_loop().time() + WITHIN
        while len(heard) <= unanswered:
            if asyncio.get_running_loop().time() > ends:
                raise NoAnswer(f"{cause} caused {len(heard)} messages of events within {WITHIN:g} s")
            await asyncio.sleep(_EVERY)
    return heard, request_id


async def _cause(kit: Kit, headers: Mapping[str, str]) -> str:
    """Have the service change something, and return the subject of the request or the event. Raises Skip."""
    try:
        request = _request(kit)
    except Skip:
        events = await handling(kit)
        if not events.witness.publishes:
            raise
        made = await events.event()
        await events.send(replace(made, headers={**made.headers, **headers}))
        return made.subject
    body = await kit.givens.fill(request.example)
    reply = await kit.ask(request.endpoint, body, account=request.account, headers=headers)
    if not reply.ok:
        raise Skip(f"{request.endpoint.subject} answered {reply.said}")
    return request.endpoint.subject


def _request(kit: Kit) -> _Request:
    """The request that causes an event. Raises Skip if the kit knows none, or has no token for it."""
    endpoint = kit.material.contracts.endpoints.get(CAUSES.get(kit.options.service, ""))
    if endpoint is None or (kit.options.private and endpoint.service != kit.options.service):
        write = writes(kit)
        return _Request(write.create, write.request, write.account)
    example = examples(kit.material.examples, endpoint.subject)[0]
    if example.account:
        kit.token(example.account)
    return _Request(endpoint, example.request, example.account)
