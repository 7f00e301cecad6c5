"""`/v1/batch`, `/v1/dashboard`, a customer's overview: reads at once, each as if it were sent alone (ADR 38)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic_core import to_json

from contracts import customers
from gateway.api.schemas import AnyCase
from gateway.api.together.schemas import Batch, BatchAnswer, parts_schema
from gateway.reshaping.inner import Answer, read_all
from gateway.routing.guard import Guarded
from gateway.routing.operations import OF_A_BODY, documented
from gateway.routing.route import JsonRoute
from gateway.semantics.json_response import JsonResponse
from mesh.core.endpoint import Access

router = APIRouter(prefix="/v1", tags=["several reads"], route_class=JsonRoute)

PATHS: Final = frozenset({"/v1/batch", "/v1/dashboard", "/v1/customers/{customer_id}/overview"})
"""Paths that call no endpoint themselves. Each read within has the access of its own route."""

_SIGNED_IN: Final = Depends(Guarded(Access.USER))
_FAILURES: Final[dict[int | str, dict[str, Any]]] = {status: documented(status) for status in (422, 500, 503)}
_OF_A_USER: Final[dict[int | str, dict[str, Any]]] = {status: documented(status) for status in (401, 403)}
_OF_A_BATCH: Final[dict[int | str, dict[str, Any]]] = {status: documented(status) for status in OF_A_BODY}
_TOLD: Final = {b"etag": "ETag", b"retry-after": "Retry-After"}
"""Headers of an answer within a batch."""

_DASHBOARD: Final = {
    "orders": "/v1/orders?limit=5",
    "shipments": "/v1/shipments?limit=5",
    "notifications": "/v1/notifications?limit=5",
    "cart": "/v1/cart",
    "low_stock": "/v1/products?low_stock=true&discontinued=false&limit=20",
}
_OVERVIEW: Final = {"customer": "/v1/customers/{id}", "orders": "/v1/customers/{id}/orders?limit=10"}


@router.post(
    "/batch",
    response_model=BatchAnswer,
    responses={**_FAILURES, **_OF_A_BATCH},
    summary="Send several reads at once",
)
async def read_batch(request: Request, body: Batch) -> Response:
    """Answer up to 50 reads, in their order. Each has the status that it would have alone, and fails alone.

    Access and limits are those of each read. The time of one request is for all of them. Once the answers have 4 MiB
    together, the others are `message_too_large`.
    """
    answers = await read_all(request, [one.path for one in body.requests])
    return JsonResponse(b'{"responses":[%b]}' % b",".join(map(_within, answers)))


@router.get(
    "/dashboard",
    dependencies=[_SIGNED_IN],
    responses={
        200: parts_schema(
            "A part that failed is a problem document in its place.",
            orders="OrderPage",
            shipments="ShipmentPage",
            notifications="NotificationPage",
            cart="Cart",
            low_stock="ProductPage",
        ),
        **_FAILURES,
        **_OF_A_USER,
    },
    summary="Get a user's dashboard",
)
async def get_dashboard(request: Request) -> Response:
    """Get what is newest for you: orders, shipments, notifications, your cart, and products that are low on stock."""
    return _together(await _parts(request, _DASHBOARD))


@router.get(
    "/customers/{customer_id}/overview",
    dependencies=[_SIGNED_IN],
    responses={
        200: parts_schema(
            "A part that failed is a problem document in its place.", customer="Customer", orders="OrderPage"
        ),
        404: documented(404),
        **_FAILURES,
        **_OF_A_USER,
    },
    summary="Get a customer's overview",
)
async def get_customer_overview(
    request: Request,
    customer_id: Annotated[
        customers.CustomerId, AnyCase(), Path(description="Five letters, in any case.", examples=["ALFKI"])
    ],
) -> Response:
    """Get a customer and the newest orders. Users see their own orders, administrators see all."""
    parts = await _parts(request, {name: path.format(id=customer_id) for name, path in _OVERVIEW.items()})
    return parts["customer"].response() if parts["customer"].refused else _together(parts)


async def _parts(request: Request, paths: Mapping[str, str]) -> dict[str, Answer]:
    answers = await read_all(request, list(paths.values()))
    return dict(zip(paths, answers, strict=True))


def _together(parts: Mapping[str, Answer]) -> Response:
    """Each body as it came, a problem document too."""
    return JsonResponse(b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), part.body) for name, part in parts.items()))


def _within(answer: Answer) -> bytes:
    headers = {name: value for field, name in _TOLD.items() if (value := answer.header(field)) is not None}
    return b'{"status":%d,"headers":%b,"body":%b}' % (answer.status, to_json(headers), answer.body)
