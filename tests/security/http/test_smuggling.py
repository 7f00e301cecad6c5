"""What could be read in two ways, or carry a line of somebody's own: over raw sockets, to the subjects on NATS."""

import json
from typing import Final

import pytest

from mesh.transport.base import Message
from mesh.wire.names import NAMES
from subjects import ENDPOINTS
from tests.security.edge import Edge, headers, statuses

HOST: Final = b"host: gateway.test\r\n"
LOGIN: Final = b"POST /v1/auth/login HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
HIDDEN: Final = b"GET /v1/products/666 HTTP/1.1\r\n" + HOST + b"\r\n"
"""What must never be taken for a request."""
CHUNKED: Final = LOGIN + b"transfer-encoding: chunked\r\n\r\n"
SUBJECTS: Final = {endpoint.subject for endpoint in ENDPOINTS}
CLOSE: Final = b"connection: close\r\n"
GET: Final = b"GET /v1/products/1 HTTP/1.1\r\n" + HOST

AMBIGUOUS: Final = {
    "length and chunks": LOGIN + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": LOGIN + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": LOGIN + b"content-length: 0\r\ncontent-length: 60\r\n\r\n",
    "two lengths that agree": LOGIN + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "lengths in a list": LOGIN + b"content-length: 0, 60\r\n\r\n",
    "a negative length": LOGIN + b"content-length: -1\r\n\r\n",
    "a length with a sign": LOGIN + b"content-length: +2\r\n\r\n{}",
    "a hexadecimal length": LOGIN + b"content-length: 0x2\r\n\r\n{}",
    "a length with a space": LOGIN + b"content-length: 1 0\r\n\r\n{}",
    "no length at all": LOGIN + b"content-length: \r\n\r\n",
    "a length past all numbers": LOGIN + b"content-length: 99999999999999999999999\r\n\r\n{}",
    "another coding": LOGIN + b"transfer-encoding: gzip\r\n\r\n",
    "chunks that are not last": LOGIN + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks by half a name": LOGIN + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks in another way": LOGIN + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks behind a space": LOGIN + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunks behind a tab": LOGIN + b"transfer-encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "chunks in a fold": LOGIN + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunks and an old version": b"POST /v1/auth/login HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of a negative size": CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    "a chunk whose size is none": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk whose size overflows": CHUNKED + b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a chunk without an end": CHUNKED + b"2\r\n{}0\r\n\r\n",
    "a chunk with a bare line feed": CHUNKED + b"2\n{}\n0\n\n",
    "a chunk's extension with a bare line feed": CHUNKED + b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    "a fold": LOGIN + b"x-a: b\r\n content-length: 60\r\n\r\n",
    "a space before the colon": LOGIN + b"x-a : b\r\n\r\n",
    "a header without a colon": LOGIN + b"x-a\r\n\r\n",
    "a header without a name": LOGIN + b": b\r\n\r\n",
    "NUL in a header": LOGIN + b"x-a: b\x00c\r\n\r\n",
    "NUL in a header's name": LOGIN + b"x-\x00a: b\r\n\r\n",
    "a bare carriage return in a header": LOGIN + b"x-a: b\rx-request-id: mine\r\n\r\n",
    "a bare line feed after the request line": b"GET /v1/products/1 HTTP/1.1\n" + HOST + b"\r\n",
    "a bare line feed after a header": LOGIN + b"x-a: b\nx-request-id: mine\r\n\r\n",
    "a bare line feed at the end": b"GET /v1/products/1 HTTP/1.1\r\n" + HOST + b"\n",
    "two hosts": LOGIN + b"host: other.test\r\n\r\n",
    "no host": b"GET /v1/products/1 HTTP/1.1\r\n\r\n",
    "a space in the path": b"GET /v1/products/1 2 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a carriage return in the path": b"GET /v1/products/1\rx HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the path": b"GET /v1/products/1\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the path": b"GET /v1/products/1\t HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /v1/products/1\r\n",
    "HTTP/1.1 by half": b"GET /v1/products/1 HTTP/1\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET /v1/products/1 HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a proxy's greeting": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "a tunnel": b"CONNECT gateway.test:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded line feed behind the path": b"GET /v1/products/1%0a HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded control character in the path": b"GET /v1/products/%1b1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded NUL in the path": b"GET /v1/products/1%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded DEL in the path": b"GET /v1/products/1%7F HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded slash in the path": b"GET /v1/products%2F1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded slash in small letters": b"GET /v1%2fproducts/1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "two tokens": LOGIN + b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    closed_edge: Edge, request_: bytes
) -> None:
    seen = len(closed_edge.seen)
    said = await closed_edge.said(request_ + HIDDEN)
    assert [400] == statuses(said), said
    assert ["close"] == headers(said)["connection"]
    assert "malformed_request" == json.loads(said.partition(b"\r\n\r\n")[2])["reason"]
    assert [] == closed_edge.seen[seen:]


async def asked(edge: Edge, *parts: bytes) -> tuple[list[int], list[Message]]:
    """The statuses of the answers, and what workers were asked."""
    seen = len(edge.seen)
    said = await edge.said(*parts)
    return statuses(said), edge.seen[seen:]


CLEAR: Final = {
    "one": ([404], ["products.get"], GET + CLOSE + b"\r\n"),
    "two, one after the other": ([404, 404], ["products.get"] * 2, GET + b"\r\n" + GET + CLOSE + b"\r\n"),
    "one with a body": (
        [404, 404],
        ["products.get"] * 2,
        GET + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN + GET + CLOSE + b"\r\n",
    ),
    "one in chunks": (
        [404, 404],
        ["products.get"] * 2,
        GET
        + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
        + GET
        + CLOSE
        + b"\r\n",
    ),
    "extensions of chunks, and headers behind them": (
        [404, 404],
        ["products.get"] * 2,
        GET
        + b"transfer-encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nx-request-id: mine\r\n\r\n"
        + GET
        + CLOSE
        + b"\r\n",
    ),
    "a whole URL": (
        [404],
        ["products.get"],
        b"GET http://other.test/v1/products/1 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    ),
    "a login": (
        [404],
        ["auth.login"],
        LOGIN + CLOSE + b"content-length: 30\r\n\r\n" + b'{"email":"a@b","password":"x"}',
    ),
}


@pytest.mark.parametrize(("answers", "subjects", "requests"), CLEAR.values(), ids=CLEAR)
async def test_what_is_clear_is_answered_once_and_its_body_is_no_request(
    closed_edge: Edge, answers: list[int], subjects: list[str], requests: bytes
) -> None:
    told, seen = await asked(closed_edge, requests)
    assert (answers, subjects) == (told, [message.subject for message in seen])
    assert not any(b"666" in message.payload for message in seen)


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (401, b"GET /v1/customers/ALFKI HTTP/1.1\r\n" + HOST + b"\r\n"),
        (404, b"GET /v1/nothing HTTP/1.1\r\n" + HOST + b"\r\n"),
        (405, b"PUT /v1/products HTTP/1.1\r\n" + HOST + b"\r\n"),
        (422, b"GET /v1/products?limit=x HTTP/1.1\r\n" + HOST + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN),
    ],
)
async def test_after_a_refusal_that_is_clear_the_next_request_is_read_where_it_begins(
    closed_edge: Edge, status: int, refused: bytes
) -> None:
    told, seen = await asked(closed_edge, refused + GET + CLOSE + b"\r\n")
    assert ([status, 404], ["products.get"]) == (told, [message.subject for message in seen])


@pytest.mark.parametrize(
    "too_much",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        GET + b"a: b\r\n" * 101 + b"\r\n",
        LOGIN + b"content-length: 9999999999\r\n\r\n",
    ],
    ids=["URL", "headers", "body"],
)
async def test_after_a_refusal_for_its_size_nothing_more_is_read(closed_edge: Edge, too_much: bytes) -> None:
    told, seen = await asked(closed_edge, too_much + HIDDEN)
    assert 1 == len(told)
    assert told[0] in (413, 414, 431)
    assert [] == seen


UPGRADES: Final = {
    "another protocol": b"connection: upgrade\r\nupgrade: foo\r\n",
    "HTTP/2": b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
    "WebSocket": b"connection: keep-alive, upgrade\r\nupgrade: websocket\r\nsec-websocket-key: AAAA\r\n",
    "TLS, as a proxy's": b"proxy-connection: upgrade\r\nupgrade: TLS/1.0\r\n",
}


UPGRADED_BODIES: Final = {
    "by its length": b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "in chunks": b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
}


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("size", [100_000, 50, 1], ids=["at once", "in parts", "byte by byte"])
@pytest.mark.parametrize("body", UPGRADED_BODIES.values(), ids=UPGRADED_BODIES)
async def test_a_body_behind_an_upgrade_is_the_body_and_nothing_behind_it_is_read(
    closed_edge: Edge, upgrade: bytes, size: int, body: bytes
) -> None:
    """The parser would take the message for ended at its head; proxies in front do not."""
    for head in (LOGIN + upgrade, LOGIN.replace(HOST, HOST + upgrade)):
        seen = len(closed_edge.seen)
        whole = head + body + HIDDEN
        said = await closed_edge.said(*(whole[at : at + size] for at in range(0, len(whole), size)))
        assert [400] == statuses(said)
        assert "malformed_json" == json.loads(said.partition(b"\r\n\r\n")[2])["reason"], "it was read as the body"
        assert ["close"] == headers(said)["connection"]
        assert [] == closed_edge.seen[seen:]


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
async def test_an_upgrade_is_passed_over_and_its_request_answered_as_the_last(
    closed_edge: Edge, upgrade: bytes
) -> None:
    for pause in (0.0, 0.05):
        seen = len(closed_edge.seen)
        said = await closed_edge.said(GET + upgrade + b"\r\n", HIDDEN, pause=pause)
        assert [404] == statuses(said)
        assert ["close"] == headers(said)["connection"]
        assert ["products.get"] == [message.subject for message in closed_edge.seen[seen:]]
        assert not any(b"666" in message.payload for message in closed_edge.seen)


VALUES: Final = {
    "encoded line breaks": b"a%0d%0aX-Request-Id: mine",
    "a line separator of Unicode": "a\u2028X-Request-Id: mine".encode(),
    "a next line of Latin-1": b"a\x85X-Request-Id: mine",
    "a vertical tab and a form feed": b"a\x0b\x0cX-Request-Id: mine",
    "quotes and a colon": b'a"; X-Request-Id: mine',
    "bytes that are no text": b"\xff\xfe\x80",
    "DEL": b"a\x7fb",
    "wildcards": b"a.*.> b",
    "a very long one": b"a" * 5000,
}
NAMES_SENT: Final = (b"x-request-id", b"traceparent", b"tracestate", b"baggage", b"authorization", b"x-forwarded-for")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_no_header_puts_another_one_into_a_message(closed_edge: Edge, value: bytes) -> None:
    head = b"".join(b"%s: %s\r\n" % (name, value) for name in NAMES_SENT)
    for request in (GET, LOGIN + b"content-length: 30\r\n"):
        told, seen = await asked(closed_edge, request + CLOSE + head + b"\r\n" + b'{"email":"a@b","password":"x"}')
        assert 1 == len(told)
        assert 500 > told[0]
        for message in seen:
            assert SUBJECTS >= {message.subject}
            assert set(NAMES) >= message.headers.keys()
            assert "mine" != message.headers["X-Request-Id"]
            assert not any("\r" in text or "\n" in text for text in message.headers.values())


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/products/1%20PUB%20auth.jwks%20",
        b"/v1/products/*",
        b"/v1/products/%3e",
        b"/v1/products/1.update",
        b"/v1/suppliers/1%20PUB",
        b"/v1/products?q=%0d%0aX-Request-Id:%20mine&limit=1",
        b"/v1/products?cursor=%0d%0aPUB%20auth.jwks",
        b"/v1/products/../auth/me",
        b"/v1/products/%2e%2e/auth/jwks",
        b"//v1/products/1",
        b"/v1/customers/A.*.>",
    ],
)
async def test_no_path_reaches_another_subject(closed_edge: Edge, path: bytes) -> None:
    told, seen = await asked(closed_edge, b"GET " + path + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    assert 1 == len(told)
    assert told[0] in (400, 401, 404, 422)
    assert {"products.list"} >= {message.subject for message in seen}
    assert all(set(NAMES) >= message.headers.keys() for message in seen)
    assert all(message.headers["X-Request-Id"] != "mine" for message in seen)
