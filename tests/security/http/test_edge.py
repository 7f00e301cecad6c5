"""What every answer of the gateway carries, which web pages may ask it, and how long a token may be."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest
from httpx2 import AsyncClient
from pydantic import ValidationError

from devstack.servers.all import Servers
from devstack.stack.stack import Stack
from gateway.http.head import LONGEST_AUTHORIZATION
from gateway.settings import GatewaySettings
from mesh.security import verifier as tokens
from mesh.transport.base import Message
from tests.security.edge import Edge, edge, headers, statuses
from tests.support.http.people import log_in, register
from tests.support.http.problems import problem

HOST: Final = b"host: gateway.test\r\n"
CLOSE: Final = b"connection: close\r\n"
FILE: Final = b"/static-offline-docs/favicon.png"
ORIGIN: Final = "https://app.example"
SECURITY: Final = {
    "x-content-type-options": ["nosniff"],
    "content-security-policy": ["frame-ancestors 'none'"],
    "referrer-policy": ["no-referrer"],
}


def get(path: bytes, *more: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + CLOSE + b"".join(more) + b"\r\n"


ANSWERS: Final = {
    "200": (200, get(b"/healthz")),
    "a page": (200, get(b"/docs")),
    "the OpenAPI document": (200, get(b"/openapi.json")),
    "400 of the parser": (400, b"GET / HTTP/1.1\r\na : b\r\n\r\n"),
    "204": (204, b"OPTIONS /v1/products HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "204 of the server": (204, b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "206": (206, get(FILE, b"range: bytes=0-3\r\n")),
    "304": (304, get(FILE, b"if-none-match: *\r\n")),
    "400 of a preflight": (
        400,
        b"OPTIONS /v1/products HTTP/1.1\r\n"
        + HOST
        + CLOSE
        + b"origin: https://evil.example\r\naccess-control-request-method: GET\r\n\r\n",
    ),
    "400 of a condition": (400, get(b"/docs", b"if-match: nonsense\r\n")),
    "400 of ours": (400, b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    "401": (401, get(b"/v1/customers/ALFKI")),
    "404": (404, get(b"/nothing")),
    "404 of a file": (404, get(b"/static-offline-docs/nothing")),
    "404 of a worker": (404, get(b"/v1/products/1")),
    "405": (405, b"PUT /v1/products HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "405 of a file": (405, b"POST " + FILE + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "408": (408, b"GET / HTTP/1.1\r\n"),
    "413": (
        413,
        b"POST /v1/auth/login HTTP/1.1\r\n" + HOST + b"content-length: 9999999\r\nexpect: 100-continue\r\n\r\n",
    ),
    "412": (412, get(b"/docs", b'if-match: "x"\r\n')),
    "414": (414, get(b"/" + b"x" * 9000)),
    "415": (
        415,
        b"POST /v1/auth/login HTTP/1.1\r\n"
        + HOST
        + CLOSE
        + b"content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    ),
    "416": (416, get(FILE, b"range: bytes=99999999-\r\n")),
    "422": (422, get(b"/v1/products?limit=x")),
    "431": (431, get(b"/", b"a: b\r\n" * 101)),
    "501": (501, b"PROPFIND /v1/products HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "501 of the parser": (501, b"FOO /v1/products HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"),
    "431 before its end": (431, b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * 200_000),
}


@pytest.fixture(scope="module")
async def open_edge(spied_nats: Servers, seen: list[Message]) -> AsyncIterator[Edge]:
    """A gateway that pages of one origin may ask, and that has little patience."""
    async with edge(
        spied_nats, seen, gateway_cors_origins=f"{ORIGIN}, http://localhost:3000", gateway_head_timeout=0.5
    ) as made:
        yield made


@pytest.mark.parametrize(("status", "request_"), ANSWERS.values(), ids=ANSWERS)
async def test_every_answer_is_safe_to_show_and_names_no_server(open_edge: Edge, status: int, request_: bytes) -> None:
    said = await open_edge.said(request_)
    assert [status] == statuses(said), said
    told = headers(said)
    assert SECURITY == {name: told.get(name) for name in SECURITY}
    assert 1 == len(told["x-request-id"])
    assert {"server", "x-powered-by", "via"}.isdisjoint(told)
    if status >= 400:
        assert ["application/problem+json"] == told["content-type"]
        document = json.loads(said.partition(b"\r\n\r\n")[2])
        assert (status, told["x-request-id"]) == (document["status"], [document["request_id"]])


@pytest.mark.parametrize("path", [b"/healthz", b"/v1/products", b"/docs", b"/openapi.json", FILE, b"/nothing"])
async def test_head_is_answered_without_content_and_the_connection_goes_on(open_edge: Edge, path: bytes) -> None:
    said = await open_edge.said(b"HEAD " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n", get(path))
    head, _, rest = said.partition(b"\r\n\r\n")
    assert rest.startswith(b"HTTP/1.1 ")
    [first, second] = statuses(said)
    assert first == second
    assert headers(head)["content-length"] == headers(rest)["content-length"]
    assert [str(len(rest.partition(b"\r\n\r\n")[2]))] == headers(rest)["content-length"]


@pytest.mark.parametrize("method", [b"FOO", b"get", b"BREW", b"GETS", b"X-Y_Z", b"G" * 1024])
async def test_a_method_that_the_parser_does_not_know_is_501_and_reaches_nobody(
    closed_edge: Edge, method: bytes
) -> None:
    seen = len(closed_edge.seen)
    said = await closed_edge.said(method + b" /v1/products/1 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    assert [501] == statuses(said)
    with_body = HOST + b"content-length: 2\r\n\r\n{}"
    said = await closed_edge.said(method + b" /v1/products/1 HTTP/1.1\r\n" + with_body + get(b"/v1/products/1"))
    assert [501] == statuses(said)
    assert ["close"] == headers(said)["connection"]
    assert [] == closed_edge.seen[seen:]


@pytest.mark.parametrize(
    "line", [b"FOO", b"F(O / HTTP/1.1", b"FOO /", b"FOO / HTTP/9.9", b"FOO / NTP/1.1", b" FOO / HTTP/1.1"]
)
async def test_what_is_no_request_line_stays_400(closed_edge: Edge, line: bytes) -> None:
    assert [400] == statuses(await closed_edge.said(line + b"\r\n" + HOST + b"\r\n"))


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n"),
        (404, get(b"/v1/products/1", b"connection: upgrade\r\nupgrade: websocket\r\n")),
        (404, get(b"/v1/products/1", b"connection: upgrade\r\nupgrade: h2c\r\n")),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ],
)
async def test_an_odd_request_is_logged_by_us_alone(
    closed_edge: Edge, caplog: pytest.LogCaptureFixture, status: int, request_: bytes
) -> None:
    assert [status] == statuses(await closed_edge.said(request_))
    assert [] == [record.getMessage() for record in caplog.records]


def preflight(origin: str, method: str = "PATCH") -> bytes:
    return (
        b"OPTIONS /v1/customers/ALFKI HTTP/1.1\r\n" + HOST + CLOSE + f"origin: {origin}\r\n".encode()
        + f"access-control-request-method: {method}\r\n".encode()
        + b"access-control-request-headers: authorization, content-type, if-match, idempotency-key\r\n\r\n"
    )  # fmt: skip


def cors(said: bytes) -> dict[str, list[str]]:
    return {name: values for name, values in headers(said).items() if name.startswith("access-control-")}


async def test_no_page_may_ask_where_none_is_named(closed_edge: Edge) -> None:
    for request in (preflight(ORIGIN), get(b"/v1/products/1", f"origin: {ORIGIN}\r\n".encode())):
        assert {} == cors(await closed_edge.said(request))
    assert [204] == statuses(await closed_edge.said(preflight(ORIGIN)))


async def test_a_page_of_a_named_origin_may_ask_without_credentials_of_the_browser(open_edge: Edge) -> None:
    said = await open_edge.said(preflight(ORIGIN))
    assert [200] == statuses(said)
    told = cors(said)
    assert [ORIGIN] == told["access-control-allow-origin"]
    assert {"PUT", "PATCH", "DELETE"} <= set(told["access-control-allow-methods"][0].split(", "))
    assert {"Authorization", "If-Match", "Idempotency-Key"} <= set(told["access-control-allow-headers"][0].split(", "))
    for status, path in ((404, b"/v1/products/1"), (401, b"/v1/customers/ALFKI"), (422, b"/v1/products?limit=x")):
        said = await open_edge.said(get(path, f"origin: {ORIGIN}\r\n".encode()))
        assert [status] == statuses(said)
        told = cors(said)
        assert [ORIGIN] == told["access-control-allow-origin"]
        assert {"RateLimit", "Retry-After", "ETag"} <= set(told["access-control-expose-headers"][0].split(", "))
        assert "access-control-allow-credentials" not in told
        assert "Origin" in headers(said)["vary"][0]


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.evil.test",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:8443",
        "https://APP.example",
        "null",
        "*",
        "",
    ],
)
async def test_a_page_of_another_origin_may_not(open_edge: Edge, origin: str) -> None:
    seen = len(open_edge.seen)
    refused = await open_edge.said(preflight(origin))
    assert statuses(refused) in ([400], [405])
    for said in (refused, await open_edge.said(get(b"/v1/products/1", f"origin: {origin}\r\n".encode()))):
        assert "access-control-allow-origin" not in cors(said)
    assert ["products.get"] == [message.subject for message in open_edge.seen[seen:]]


async def test_a_method_that_no_route_has_may_not_be_asked_for(open_edge: Edge) -> None:
    said = await open_edge.said(preflight(ORIGIN, "TRACE"))
    assert [400] == statuses(said)
    document = json.loads(said.partition(b"\r\n\r\n")[2])
    assert ("preflight_refused", "Disallowed CORS method") == (document["reason"], document["detail"])
    assert [ORIGIN] == cors(said)["access-control-allow-origin"]


async def test_a_page_may_ask_by_head(open_edge: Edge) -> None:
    assert [200] == statuses(await open_edge.said(preflight(ORIGIN, "HEAD")))


@pytest.mark.parametrize(
    "origins", ["*", "null", "app.example", "https://app.example/", "https://*.example", "https://a b"]
)
def test_what_is_no_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin"):
        GatewaySettings.model_validate({"gateway_cors_origins": origins})


def test_the_longest_token_is_the_one_that_the_verifier_reads() -> None:
    assert tokens.LONGEST_HEADER == LONGEST_AUTHORIZATION


@pytest.mark.parametrize("size", [4097, 32_000, 40_000, 2**20])
@pytest.mark.parametrize("name", [b"authorization", b"Authorization"])
async def test_a_token_over_4_kib_is_401_and_nobody_is_asked_about_it(
    closed_edge: Edge, name: bytes, size: int
) -> None:
    seen = len(closed_edge.seen)
    long = name + b": Bearer " + b"a" * size + b"\r\n"
    said = await closed_edge.said(get(b"/v1/customers/ALFKI", b"a: b\r\n", long, b"c: d\r\n"))
    assert [401] == statuses(said), said[:200]
    assert ['Bearer error="invalid_token"'] == headers(said)["www-authenticate"]
    assert ["close"] == headers(said)["connection"]
    document = json.loads(said.partition(b"\r\n\r\n")[2])
    assert ("invalid_token", 401) == (document["reason"], document["status"])
    assert [] == closed_edge.seen[seen:]


@pytest.mark.parametrize(
    "more",
    [
        b"x-authorization: " + b"a" * 40_000 + b"\r\n",
        b"cookie: authorization: " + b"a" * 2**20 + b"\r\n",
        b"authorization: Bearer a\r\n" + b"x-a: " + b"a" * 40_000 + b"\r\n",
    ],
    ids=["another name", "another header's value", "beside a token"],
)
async def test_any_other_head_that_is_too_large_is_431(closed_edge: Edge, more: bytes) -> None:
    assert [431] == statuses(await closed_edge.said(get(b"/v1/customers/ALFKI", more)))


async def test_a_login_tells_how_many_may_follow(stack: Stack) -> None:
    policy = '"too_many_logins";q=5'
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as http:
        email, password = await register(http)
        wrong = {"email": email, "password": f"wrong {password}"}
        for left in ("r=1", "r=1", "r=1", "r=1", "r=0;t=1"):
            failed = await http.post("/v1/auth/login", json=wrong)
            problem(failed, 401, "invalid_credentials")
            assert (policy, f'"too_many_logins";{left}') == _limits(failed.headers)
        assert "1" == failed.headers["retry-after"]
        refused = await http.post("/v1/auth/login", json=wrong)
        problem(refused, 429, "too_many_logins")
        wait = refused.headers["retry-after"]
        assert (policy, f'"too_many_logins";r=0;t={wait}') == _limits(refused.headers)
        email, password = await register(http)
        await http.post("/v1/auth/login", json={"email": email, "password": "wrong"})
        answer = await http.post("/v1/auth/login", json={"email": email, "password": password})
        assert 200 == answer.status_code
        assert (policy, '"too_many_logins";r=5') == _limits(answer.headers)
        await log_in(http, email, password)
        assert (None, None) == _limits((await http.post("/v1/auth/login", json={})).headers)


def _limits(told: Mapping[str, str]) -> tuple[str | None, str | None]:
    return told.get("ratelimit-policy"), told.get("ratelimit")
