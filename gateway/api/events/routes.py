"""`/v1/events`: what happens, as it happens."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response

from gateway.routing.following import follow
from gateway.routing.guard import Guarded
from gateway.routing.operations import documented
from gateway.routing.route import JsonRoute
from gateway.semantics.event_stream import EventStream
from mesh.core.endpoint import Access

router = APIRouter(prefix="/v1", tags=["events"], route_class=JsonRoute)

PATHS: Final = frozenset({"/v1/events"})
"""Paths that call no endpoint."""

_SIGNED_IN: Final = Depends(Guarded(Access.USER))
_EXAMPLE: Final = 'id: 17\nevent: orders.confirmed\ndata: {"order_id":11078,…}\n\n'
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events, until either side ends the connection.",
        "content": {EventStream.media_type: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    **{status: documented(status) for status in (401, 403, 422, 429, 500, 503, 505)},
}

LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="The `id` received last: events after it come first. Without it only new events come.",
        pattern="^[0-9]{1,18}$",
        examples=["17"],
    ),
]


@router.get(
    "/events",
    dependencies=[_SIGNED_IN],
    response_class=EventStream,
    responses=_RESPONSES,
    summary="Follow what happens to orders",
)
async def follow_events(request: Request, last_event_id: LastEventId = None) -> Response:
    """Follow the events of one's own orders, or for an administrator of all.

    The name of an event is `orders.` and the status reached, its data a JSON object with `order_id` and `user_id`.
    After an event named `reset`, events are missing: read the orders again.
    """
    return EventStream(follow(request, None if last_event_id is None else int(last_event_id)))
