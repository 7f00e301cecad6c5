"""RFC 9110 and RFC 9112 at the gateway as a whole: what docs/reference/http.md promises and no other test proves."""

import json
from email.utils import parsedate_to_datetime
from typing import Final

import pytest

from tests.security.edge import Edge, headers, statuses

HOST: Final = b"host: gateway.test\r\n"
CLOSE: Final = b"connection: close\r\n"
GET: Final = b"GET /v1/products/1 HTTP/1.1\r\n" + HOST
POST: Final = b"POST /v1/auth/login HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
BODY: Final = b'{"email":"a@b","password":"x"}'
LAST: Final = GET + CLOSE + b"\r\n"

REFUSED: Final = {
    "a coding that nobody knows": (501, POST + b"transfer-encoding: gzip, chunked\r\n"),
    "a coding whose end nobody knows": (400, POST + b"transfer-encoding: gzip\r\n"),
    "an expectation that nobody knows": (417, POST + b"expect: a\r\ncontent-length: 2\r\n"),
    "a host that is none": (400, b"GET /v1/products/1 HTTP/1.1\r\nhost: a b\r\n"),
    "another protocol's version": (400, b"GET /v1/products/1 RTSP/1.0\r\n" + HOST),
    "a character that must be encoded": (400, b"GET /v1/products?q=<a> HTTP/1.1\r\n" + HOST),
    "a fragment": (400, b"GET /v1/products/1#2 HTTP/1.1\r\n" + HOST),
    "a user in a URL": (400, b"GET http://a@b/v1/products/1 HTTP/1.1\r\n" + HOST),
    "a URL without a host": (400, b"GET http:///v1/products/1 HTTP/1.1\r\n" + HOST),
    "a URL for TLS": (421, b"GET https://gateway.test/v1/products/1 HTTP/1.1\r\n" + HOST),
    "a URL that is too long": (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST),
}


@pytest.mark.parametrize(("status", "head"), REFUSED.values(), ids=REFUSED)
async def test_what_a_server_must_not_take_is_refused_and_nobody_is_asked(
    closed_edge: Edge, status: int, head: bytes
) -> None:
    seen = len(closed_edge.seen)
    said = await closed_edge.said(head + b"\r\n" + LAST)
    assert [status] == statuses(said)
    assert ["close"] == headers(said)["connection"]
    assert status == json.loads(said.partition(b"\r\n\r\n")[2])["status"]
    assert [] == closed_edge.seen[seen:]


@pytest.mark.parametrize("length", [b"30 ", b"\t30", b"0030"])
async def test_white_space_around_a_value_does_not_count(closed_edge: Edge, length: bytes) -> None:
    said = await closed_edge.said(POST + CLOSE + b"content-length:" + length + b"\r\n\r\n" + BODY)
    assert [404] == statuses(said)


@pytest.mark.parametrize(
    "close", [b"close", b"Close ", b"TE, close", b"keep-alive,close", b", close", b"x\r\nconnection: close"]
)
async def test_who_says_close_has_the_connection_closed_behind_the_answer(closed_edge: Edge, close: bytes) -> None:
    said = await closed_edge.said(GET + b"connection: " + close + b"\r\n\r\n" + LAST)
    assert [404] == statuses(said)
    assert ["close"] == headers(said)["connection"]


async def test_http_1_0_has_an_answer_without_chunks_and_its_connection_closed(closed_edge: Edge) -> None:
    for path in (b"/v1/products/1", b"/healthz", b"/docs", b"/openapi.json"):
        said = await closed_edge.said(b"GET " + path + b" HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" + LAST)
        assert 1 == len(statuses(said))
        told = headers(said)
        assert "transfer-encoding" not in told
        assert int(told["content-length"][0]) == len(said.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    "request_", [LAST, b"GET /v1/nothing HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", b"garbage\r\n\r\n"]
)
async def test_every_answer_has_the_date(closed_edge: Edge, request_: bytes) -> None:
    (date,) = headers(await closed_edge.said(request_))["date"]
    assert date.endswith(" GMT")
    assert parsedate_to_datetime(date)


async def test_nobody_is_asked_before_the_head_is_whole(closed_edge: Edge) -> None:
    seen = len(closed_edge.seen)
    reading = closed_edge.said(GET, CLOSE, b"a: b\r\n", b"c: d\r\n\x00\r\n\r\n", pause=0.01)
    assert [400] == statuses(await reading)
    assert [] == closed_edge.seen[seen:]


async def test_a_trailer_is_no_part_of_the_head(closed_edge: Edge) -> None:
    seen = len(closed_edge.seen)
    chunked = POST + CLOSE + b"transfer-encoding: chunked\r\n\r\n1e\r\n" + BODY
    said = await closed_edge.said(chunked + b"\r\n0\r\nx-request-id: mine\r\nauthorization: Bearer a\r\n\r\n")
    assert [404] == statuses(said)
    assert ["mine"] != headers(said)["x-request-id"]
    assert "Authorization" not in closed_edge.seen[seen].headers


async def test_the_server_itself_is_answered_too(closed_edge: Edge) -> None:
    said = await closed_edge.said(b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    assert [204] == statuses(said)
