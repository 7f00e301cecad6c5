"""`/v1/events`: server-sent events about orders."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response

from contracts.base import Form
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
    Annotated[str, Form("^[0-9]{1,18}$", "must be an id as received")] | None,
    Header(
        alias="Last-Event-ID",
        description="The last `id` received. The stream resumes after it. Without it, only new events are sent.",
        examples=["17"],
    ),
]


@router.get(
    "/events",
    dependencies=[_SIGNED_IN],
    response_class=EventStream,
    responses=_RESPONSES,
    summary="Stream the events of orders",
)
async def follow_events(request: Request, last_event_id: LastEventId = None) -> Response:
    """Stream the events of your own orders. An administrator receives the events of all orders.

    The name of an event is `orders.` and the new status. Its data is a JSON object with `order_id` and `user_id`.
    An event named `reset` means that events are missing: read the orders again.
    """
    return EventStream(follow(request, None if last_event_id is None else int(last_event_id)))
