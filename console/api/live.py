"""`/api/live`: server-sent events with everything that changes while a page is open."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from console.api.application import sessions_of, watch_of
from console.sources.ring import taken
from console.watch import Watch

router = APIRouter()

_EVERY: Final = 0.25
"""Seconds between two messages: what happens in between comes together."""
_MOST: Final = 200
"""Entries of a kind in one message. A busier mesh is shown in samples."""
_ALIVE: Final = 60
"""Turns after which a quiet stream sends a comment, so that a lost page is noticed."""


@router.get("/api/live")
async def live(request: Request) -> Response:
    """Stream `mesh` (the map), `requests`, `logs` and `events`."""
    watch = watch_of(request)
    if len(watch.watchers) >= watch.settings.console_streams:
        return JSONResponse({"detail": "too many pages are open"}, 503)
    headers = {"x-accel-buffering": "no"}
    return StreamingResponse(_changes(request, watch), media_type="text/event-stream", headers=headers)


async def _changes(request: Request, watch: Watch) -> AsyncIterator[str]:
    with ExitStack() as open_:
        open_.enter_context(watch.watchers.one_more())
        pictures = open_.enter_context(watch.pictures.followed())
        traces = open_.enter_context(watch.traces.changed.followed())
        lines = open_.enter_context(watch.logs.followed())
        said = open_.enter_context(watch.said.followed())
        yield _message("mesh", watch.picture)
        turn = 0
        while not watch.closing.is_set() and sessions_of(request).valid(request):
            messages = [_message("mesh", one) for one in taken(pictures, len(pictures))[-1:]]
            ids = dict.fromkeys(taken(traces, _MOST))
            found = [trace for trace_id in ids if (trace := watch.traces.find(trace_id)) is not None]
            if found:
                messages.append(_message("requests", [trace.summary() for trace in found]))
            if new_lines := taken(lines, _MOST):
                messages.append(_message("logs", [line.document() for line in new_lines]))
            if new_events := taken(said, _MOST):
                messages.append(_message("events", [event.document() for event in new_events]))
            turn += 1
            if not messages and turn % _ALIVE == 0:
                messages.append(": alive\n\n")
            if messages:
                yield "".join(messages)
            try:
                await asyncio.wait_for(watch.closing.wait(), _EVERY)
            except TimeoutError:
                continue


def _message(kind: str, data: Any) -> str:  # noqa: ANN401  # any JSON
    return f"event: {kind}\ndata: {json.dumps(data, default=str)}\n\n"
