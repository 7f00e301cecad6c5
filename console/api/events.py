"""Events: the streams, what goes by, the way of one order, and the dead letters."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.requests import Request

from console.api.application import watch_of
from console.sources.reading import contains, json_or
from console.sources.said import Said, stored
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from mesh.events.stored import Stored, at, read, read_all
from mesh.events.stored import newest as newest_stored
from mesh.transport.base import Transport
from ops import dead_letters
from ops.streams import DEAD_STREAM, EVENT_STREAM

router = APIRouter()

_MOST_LETTERS = 200
_MOST_OF_ORDER = 200
_MOST_SEARCHED = 20_000
"""Events at the end of the stream among which those of an order are looked for: some 5,000 orders."""
_OF_ORDERS = ("events.orders.*", "events.stock.*", "events.shipping.*")
_LONGEST = 2000

Sequence = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/api/streams")
async def streams(request: Request) -> dict[str, Any]:
    """The streams with their consumers, as NATS last described them."""
    known = watch_of(request).streams
    return {"streams": [one.document() for one in known.states], "failure": known.failure}


@router.get("/api/events")
async def newest(
    request: Request,
    text: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    """The newest events that the console heard, the newest first."""
    found = watch_of(request).said.newest(limit, lambda one: contains(one.text(), text))
    return [one.document() for one in found]


@router.get("/api/orders/{order_id}")
async def order(request: Request, order_id: Annotated[int, Path(ge=1, lt=2**31)]) -> dict[str, Any]:
    """The stored events of one order, the oldest first; `since` is the sequence at which the search began."""
    transport = watch_of(request).transport
    try:
        last = await newest_stored(transport, EVENT_STREAM)
        since = max(1, last.sequence - _MOST_SEARCHED + 1) if last else 1
        found = await asyncio.gather(*(_of_order(transport, order_id, since, subject) for subject in _OF_ORDERS))
    except MeshError as error:
        raise _unavailable(error) from error
    events = sorted((event for some in found for event in some), key=lambda event: event.at)
    return {"events": [event.document() for event in events], "since": since}


async def _of_order(transport: Transport, order_id: int, since: int, subject: str) -> list[Said]:
    """The events of an order on a subject. The number is sought first: reading JSON takes longer."""
    found: list[Said] = []
    number = str(order_id).encode()
    async for one in read_all(transport, EVENT_STREAM, since, subject):
        if number in one.payload and (event := stored(one)).order_id == order_id:
            found.append(event)
        if len(found) >= _MOST_OF_ORDER:
            break
    return found


@router.get("/api/dead")
async def letters(request: Request) -> list[dict[str, Any]]:
    """The dead letters, the oldest first."""
    try:
        found = await read(watch_of(request).transport, DEAD_STREAM, 1, most=_MOST_LETTERS)
    except MeshError as error:
        raise _unavailable(error) from error
    return [_letter(one) for one in found]


@router.post("/api/dead/{sequence}/retry", status_code=204)
async def retry(request: Request, sequence: Sequence) -> None:
    """Have a dead letter handled once more."""
    watch = watch_of(request)
    try:
        letter = await at(watch.transport, DEAD_STREAM, sequence)
        if letter is None:
            raise HTTPException(404, "there is no such dead letter: it was retried or dropped")
        await dead_letters.retry(watch.jetstream, letter)
    except MeshError as error:
        raise _unavailable(error) from error


@router.delete("/api/dead/{sequence}", status_code=204)
async def drop(request: Request, sequence: Sequence) -> None:
    """Delete a dead letter."""
    try:
        await dead_letters.drop(watch_of(request).jetstream, sequence)
    except MeshError as error:
        raise _unavailable(error) from error


def _letter(one: Stored) -> dict[str, Any]:
    headers = {name: escaped(value[:_LONGEST]) for name, value in one.headers.items()}
    text = escaped(one.payload[:_LONGEST].decode(errors="replace"), keep="\n")
    return {
        "sequence": one.sequence,
        "service": escaped(dead_letters.service(one)),
        "at": one.time.timestamp(),
        "headers": headers,
        "data": json_or(one.payload, text),
    }


def _unavailable(error: MeshError) -> HTTPException:
    return HTTPException(503, escaped(str(error)[:300]))
