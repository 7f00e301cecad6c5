"""What clients of other languages send by default, byte for byte, recorded from them: each can post to the gateway."""

from typing import Final

import pytest

from tests.security.edge import Edge, headers, statuses

BODY: Final = b'{"email":"a@b","password":"x"}'
IN_CHUNKS: Final = b"1e\r\n" + BODY + b"\r\n0\r\n\r\n"
POST: Final = b"POST /v1/auth/login HTTP/1.1\r\n"
HOST: Final = b"Host: 127.0.0.1:8080\r\n"
JAVA: Final = (
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n%bUpgrade: h2c\r\n"
    b"User-Agent: Java-http-client/17.0.15\r\ncontent-type: application/json\r\n\r\n"
)
JAVA_BEGINS: Final = POST + b"Connection: Upgrade, HTTP2-Settings\r\n"

SENT: Final = {
    "Java's HttpClient": (JAVA_BEGINS + b"Content-Length: 30\r\n" + HOST + JAVA % b"", BODY),
    "Java's HttpClient, of a stream": (JAVA_BEGINS + HOST + JAVA % b"Transfer-encoding: chunked\r\n", IN_CHUNKS),
    "Java's HttpClient, with expectContinue": (
        JAVA_BEGINS + b"Content-Length: 30\r\nExpect: 100-Continue\r\n" + HOST + JAVA % b"",
        BODY,
    ),
    "Go's net/http": (
        POST + HOST + b"User-Agent: Go-http-client/1.1\r\nContent-Length: 30\r\nContent-Type: application/json\r\n"
        b"Accept-Encoding: gzip\r\n\r\n",
        BODY,
    ),
    "Go's net/http, of a reader": (
        POST + HOST + b"User-Agent: Go-http-client/1.1\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n",
        IN_CHUNKS,
    ),
    "Node's fetch": (
        POST + HOST.lower() + b"connection: keep-alive\r\ncontent-type: application/json\r\naccept: */*\r\n"
        b"accept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n"
        b"content-length: 30\r\n\r\n",
        BODY,
    ),
    "Node's fetch, of a stream": (
        POST + HOST.lower() + b"connection: keep-alive\r\ncontent-type: application/json\r\naccept: */*\r\n"
        b"accept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n"
        b"transfer-encoding: chunked\r\n\r\n",
        IN_CHUNKS,
    ),
    "Node's http": (
        POST + b"content-type: application/json\r\n" + HOST
        + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
        b'5\r\n{"ema\r\n19\r\nil":"a@b","password":"x"}\r\n0\r\n\r\n',
    ),
    "Ruby's Net::HTTP": (
        POST + b"Content-Type: application/json\r\nAccept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n"
        b"Accept: */*\r\nUser-Agent: Ruby\r\n" + HOST + b"Content-Length: 30\r\n\r\n",
        BODY,
    ),
    "PHP's curl": (POST + HOST + b"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n", BODY),
    "PHP's streams": (
        POST + HOST + b"Connection: close\r\nContent-Length: 30\r\nContent-Type: application/json\r\n\r\n",
        BODY,
    ),
}  # fmt: skip
LAST: Final = b"GET /v1/products/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(("head", "body"), SENT.values(), ids=SENT)
@pytest.mark.parametrize("apart", [True, False], ids=["head and body apart", "in one"])
async def test_a_login_by_a_client_of_any_language_reaches_its_worker(
    closed_edge: Edge, head: bytes, body: bytes, *, apart: bool
) -> None:
    seen = len(closed_edge.seen)
    said = await closed_edge.said(*((head, body) if apart else (head + body,)), LAST, pause=0.01 if apart else 0)
    _, _, answers = said.rpartition(b"HTTP/1.1 100 Continue\r\n\r\n")
    last = b"close" in head or b"Upgrade" in head
    assert ([404] if last else [404, 404]) == statuses(answers)
    assert last is ("connection" in headers(answers))
    asked = closed_edge.seen[seen:]
    assert (["auth.login"] if last else ["auth.login", "products.get"]) == [message.subject for message in asked]
    assert b'"email":"a@b"' in asked[0].payload
