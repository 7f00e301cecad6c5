import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI
from httpx2 import AsyncClient
from starlette.types import Message

from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryTransport
from tests.support.gateway.applications import application
from tests.support.http.problems import problem

JSON = {"Content-Type": "application/json"}
LIMIT = 10_000


async def test_a_body_over_the_limit_is_413_and_the_connection_ends(http: AsyncClient, admin: dict[str, str]) -> None:
    response = await http.post("/v1/customers", content=b" " * (LIMIT + 1), headers={**admin, **JSON})
    said = problem(response, 413, "body_too_large")
    assert "payload_too_large" == said.code
    assert "close" == response.headers["connection"]


async def test_a_body_at_the_limit_is_read(http: AsyncClient, admin: dict[str, str]) -> None:
    body = b'{"customer_id":"ALFKI","company_name":"Alfreds"}'.ljust(LIMIT)
    assert 201 == (await http.post("/v1/customers", content=body, headers={**admin, **JSON})).status_code


async def test_a_body_without_end_is_not_read_without_end(http: AsyncClient, admin: dict[str, str]) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            yield b" " * 100_000

    response = await http.post("/v1/customers", content=chunks(), headers={**admin, **JSON})
    problem(response, 413, "body_too_large")
    assert 17 * 1024 * 1024 > sent


async def request(app: FastAPI, headers: list[tuple[bytes, bytes]]) -> tuple[list[Message], int]:
    """What a login answers whose body never comes, and how often it was waited for."""
    answers: list[Message] = []
    asked = 0

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/auth/login",
        "raw_path": b"/v1/auth/login",
        "query_string": b"",
        "headers": [(b"host", b"gateway.test"), (b"content-type", b"application/json"), *headers],
    }
    await app(scope, receive, send)
    return answers, asked


async def test_a_body_that_is_announced_too_large_is_413_before_it_comes_where_the_client_waits(app: FastAPI) -> None:
    for length, expect in ((b"10001", b"100-continue"), (b"9" * 5000, b"100-Continue"), (b"-1", b"100-CONTINUE")):
        answers, asked = await request(app, [(b"content-length", length), (b"expect", expect)])
        assert (413, 0) == (answers[0]["status"], asked)


async def test_a_body_that_does_not_come_is_408(transport: MemoryTransport) -> None:
    impatient = application(GatewaySettings(gateway_timeout=0.05), transport)
    answers, _ = await request(impatient, [(b"content-length", b"10")])
    assert 408 == answers[0]["status"]
    assert b'"reason":"request_timeout"' in answers[1]["body"]
