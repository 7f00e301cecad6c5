"""Compression: who gets it, what is never compressed, and that the bytes are the same."""

import zlib
from typing import Final

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from starlette.types import Message, Receive, Scope, Send

from contracts import auth, customers
from gateway.middleware.compression import LEAST, Compression, secret_paths
from gateway.middleware.methods import routes
from gateway.semantics.content_coding import GZIP, ZSTD, chosen, compressor
from subjects import AUTH_LOGIN, CUSTOMERS_LIST
from tests.support.gateway.resources import ALFKI
from tests.support.gateway.world import World

CODINGS: Final = ("gzip", "zstd")
FILE: Final = "/static-offline-docs/swagger-ui-bundle.js"
PLAIN: Final = {"Accept-Encoding": "identity"}


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (b"gzip, deflate, br, zstd", ZSTD),
        (b"gzip, deflate", GZIP),
        (b"GZIP;q=0.5,,", GZIP),
        (b"x-gzip", GZIP),
        (b"*", ZSTD),
        (b"*;q=0.1, gzip", GZIP),
        (b"zstd;q=0, *", GZIP),
        (b"zstd;q=0.5, gzip;q=0.501", GZIP),
        (b"identity;q=0.5, gzip", GZIP),
        (b"identity, gzip;q=0.5", None),
        (b"gzip;q=0", None),
        (b"gzip;q=0.000, zstd; q=0", None),
        (b"gzip;q=2", None),
        (b"gzip;level=9", None),
        (b"gzip zstd", None),
        (b"br", None),
        (b"identity", None),
        (b"*;q=0", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_the_best_coding_that_a_client_takes_is_chosen(accepted: bytes, expected: bytes | None) -> None:
    assert expected == chosen(accepted)


def compressed(response: Response, coding: str) -> bytes:
    """The body as a client decodes it, checked for the headers of a compressed one."""
    assert (200, coding) == (response.status_code, response.headers["content-encoding"])
    assert "Accept-Encoding" in response.headers["vary"]
    assert "accept-ranges" not in response.headers
    return response.content


@pytest.mark.parametrize("path", ["/openapi.json", FILE])
@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_body_is_the_same_body(http: AsyncClient, path: str, coding: str) -> None:
    plain = await http.get(path, headers=PLAIN)
    assert {"content-encoding", "vary"}.isdisjoint(plain.headers)
    response = await http.get(path, headers={"Accept-Encoding": coding})
    assert plain.content == compressed(response, coding)
    assert plain.headers["content-type"] == response.headers["content-type"]
    assert response.num_bytes_downloaded < len(plain.content)
    head = await http.head(path, headers={"Accept-Encoding": coding})
    same = {"content-encoding", "content-length", "vary", "etag"} & response.headers.keys()
    assert {name: response.headers[name] for name in same} == {name: head.headers[name] for name in same}


async def test_a_list_is_compressed_from_one_kib_on(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    small = await http.get("/v1/customers", headers={**user, "Accept-Encoding": "gzip"})
    assert len(small.content) < LEAST
    assert {"content-encoding", "vary"}.isdisjoint(small.headers)

    world.replies[CUSTOMERS_LIST] = customers.CustomerPage(items=(ALFKI,) * 9, next_cursor=None)
    for coding in CODINGS:
        page = await http.get("/v1/customers", headers={**user, "Accept-Encoding": coding})
        compressed(page, coding)
        assert 9 == len(page.json()["items"])


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_copy_has_a_weak_etag_and_is_known_by_it(
    http: AsyncClient, admin: dict[str, str], coding: str
) -> None:
    strong = (await http.get("/asyncapi.json", headers={**admin, **PLAIN})).headers["etag"]
    asked = {**admin, "Accept-Encoding": coding}
    weak = (await http.get("/asyncapi.json", headers=asked)).headers["etag"]
    assert f"W/{strong}" == weak

    known = await http.get("/asyncapi.json", headers={**asked, "If-None-Match": weak})
    assert (304, b"", weak) == (known.status_code, known.content, known.headers["etag"])
    assert "Accept-Encoding" == known.headers["vary"]
    known = await http.get("/asyncapi.json", headers={**asked, "If-None-Match": strong})
    assert (304, strong) == (known.status_code, known.headers["etag"])


async def test_a_range_is_of_the_body_as_it_is(http: AsyncClient) -> None:
    plain = await http.get(FILE, headers=PLAIN)
    response = await http.get(FILE, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-4095"})
    assert (206, plain.content[:4096]) == (response.status_code, response.content)
    assert "content-encoding" not in response.headers


async def test_a_secret_beside_what_a_client_sends_is_never_compressed(http: AsyncClient, world: World) -> None:
    world.replies[AUTH_LOGIN] = auth.Tokens(access_token="a" * 4 * LEAST, expires_in=1, refresh_token="r" * 32)
    body = {"email": "nancy@northwind.example", "password": "correct horse"}
    response = await http.post("/v1/auth/login", json=body, headers={"Accept-Encoding": "gzip"})
    assert 200 == response.status_code
    assert "content-encoding" not in response.headers


def test_paths_with_secrets_follow_from_the_routes(app: FastAPI) -> None:
    secret = set(secret_paths(routes(app)))
    assert {"/v1/auth/login", "/v1/users", "/v1/notifications/webhook"} <= secret
    assert {"/v1/customers", "/v1/notifications", "/openapi.json"}.isdisjoint(secret)


def through(start: Message, *parts: bytes) -> tuple[Compression, list[Send]]:
    """The middleware in front of an application that answers with these messages, and what the application sends by."""
    used: list[Send] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        used.append(send)
        await send(start)
        for number, part in enumerate(parts, start=1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    return Compression(application, secret=["/secret"]), used


async def answered(middleware: Compression, send: Send, *headers: tuple[bytes, bytes]) -> None:
    async def receive() -> Message:
        raise AssertionError("nobody reads a body")

    await middleware({"type": "http", "path": "/", "headers": list(headers)}, receive, send)


def started(**headers: str) -> Message:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": raw}


async def test_a_request_that_does_not_ask_for_it_is_not_touched() -> None:
    middleware, used = through(started(content_type="application/json", content_length="2000"), b" " * 2000)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await answered(middleware, send, (b"accept", b"*/*"))
    assert [send] == used
    assert b" " * 2000 == sent[1]["body"]


async def test_an_event_is_sent_at_once_and_as_it_is() -> None:
    middleware, _ = through(started(content_type="text/event-stream"), b"id: 1\n\n", b" " * 2000, b"")
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await answered(middleware, send, (b"accept-encoding", b"gzip, zstd"))
    assert [b"id: 1\n\n", b" " * 2000, b""] == [message["body"] for message in sent[1:]]


async def test_a_body_in_parts_is_sent_in_parts() -> None:
    parts = (b"a" * 40_000, b"b" * 10, b"")
    middleware, _ = through(started(content_type="text/plain", content_length="40010"), *parts)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await answered(middleware, send, (b"accept-encoding", b"gzip"))
    assert b"content-length" not in dict(sent[0]["headers"])
    assert b"".join(parts) == zlib.decompress(b"".join(message["body"] for message in sent[1:]), wbits=31)


@pytest.mark.parametrize("coding", [GZIP, ZSTD])
def test_equal_bodies_have_equal_bytes(coding: bytes) -> None:
    """So a compressed file can be compared, and nothing tells when it was made."""
    first, second = (made.compress(b"x" * 5000) + made.flush() for made in (compressor(coding), compressor(coding)))
    assert first == second
