"""The trace of an order, from the HTTP request to the mail, as a collector receives it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from httpx2 import AsyncClient

from tests.support.http.people import bearer, log_in, register
from tests.support.servers.collector import Collector, Received

DELIVERED = "notifications: deliver email"
WAY_OF_THE_MAIL = [
    "gateway: POST /v1/orders",
    "gateway: orders.place",
    "orders: orders.place",
    "orders: create events.orders.placed",
    "notifications: process events.orders.placed",
    DELIVERED,
]
ALSO = {
    "products: products.get_many",
    "orders: INSERT outbox",
    "orders: send events.orders.placed",
    "stock: process events.orders.placed",
    "products: products.stock.reserve",
    "notifications: update notifications",
}
"""Other steps of the trace: a second worker, statements, the relay, another consumer."""


async def order(http: AsyncClient) -> str:
    """Place an order as somebody new, and return the request's id."""
    headers = bearer(await log_in(http, *await register(http)))
    placed = await http.post("/v1/orders", headers=headers, json={"lines": [{"product_id": 3, "quantity": 1}]})
    assert 202 == placed.status_code, placed.text
    return str(placed.headers["X-Request-Id"])


async def assert_one_trace_from_the_request_to_the_mail(collector: Collector, request_id: str) -> None:
    """Wait for all of it, then check that it hangs together."""
    while not (way := _way_of_the_mail(found := _trace(collector, request_id))) or ALSO - {*map(_name, found.values())}:
        await asyncio.sleep(0.1)  # each process sends its spans in batches of its own
    mail = way[0]
    assert [_name(one) for one in reversed(way)] == WAY_OF_THE_MAIL
    consumer = way[1]
    assert [consumer.span.parent_span_id] == [link.span_id for link in consumer.span.links]
    lines = [one for one in collector.lines if one.line.trace_id == mail.span.trace_id]
    assert {"gateway", "orders", "products"} <= {one.service for one in lines}
    assert {one.instance for one in lines if one.service == "orders"} == {way[-3].instance}


def assert_nothing_secret(collector: Collector, secrets: Mapping[str, Any]) -> None:
    """Check that no body has the texts."""
    assert not [name for name, text in secrets.items() if str(text).encode() in collector.bodies]


def _trace(collector: Collector, request_id: str) -> dict[bytes, Received]:
    """The spans of the request's trace, by id."""
    ids = {one.span.trace_id for one in collector.spans if one.about.get("mesh.request_id") == request_id}
    return {one.span.span_id: one for one in collector.spans if one.span.trace_id in ids}


def _way_of_the_mail(found: Mapping[bytes, Received]) -> list[Received]:
    """The spans from the mail of the placed order back to the request; none until all have come."""
    for mail in found.values():
        way = [mail]
        while parent := found.get(way[-1].span.parent_span_id):
            way.append(parent)
        if _name(mail) == DELIVERED and WAY_OF_THE_MAIL[0] == _name(way[-1]) and WAY_OF_THE_MAIL[-2] == _name(way[1]):
            return way
    return []


def _name(one: Received) -> str:
    return f"{one.service}: {one.span.name}"
