"""A gateway with little patience and few connections: what HTTP clients see of its limits."""

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient, Response

from devstack.servers.all import Servers
from tests.support.http.problems import problem
from tests.support.servers.processes import Process, gateway_on, products_on

HOST = b"host: gateway.test\r\n"
CLOSE = b"connection: close\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n"
LOGIN = b"POST /v1/auth/login HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n"


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("limits"), only={"nats", "postgres"}) as servers:
        yield servers


@pytest.fixture(scope="module")
async def products(servers: Servers) -> AsyncIterator[Process]:
    process = products_on(servers)
    await process.start()
    await process.said("service_started")
    yield process
    await process.end(signal.SIGTERM)


@pytest.fixture(scope="module")
async def gateway(servers: Servers, products: Process) -> AsyncIterator[Process]:
    limits = {
        "GATEWAY_TIMEOUT": "1",
        "GATEWAY_CACHE": "0",  # a read tells whether its worker answers
        "GATEWAY_HEAD_TIMEOUT": "0.5",
        "GATEWAY_KEEP_ALIVE": "0.5",
        "GATEWAY_MAX_CONNECTIONS": "20",
        "GATEWAY_LIMIT_INITIAL": "8",
        "GATEWAY_LIMIT_MAX": "8",
        "GATEWAY_BREAKER_TIMEOUTS": "3",
    }
    process = gateway_on(servers, **limits)
    await process.start()
    yield process
    await process.end(signal.SIGTERM)


@pytest.fixture
async def port(gateway: Process) -> int:
    number = (await gateway.said("gateway_started"))["port"]
    assert isinstance(number, int)
    return number


@pytest.fixture
async def http(port: int) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client


async def answer(port: int, *parts: bytes) -> bytes:
    """All that is answered to these bytes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.05)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("status", "reason", "head"),
    [
        (414, "url_too_long", b"GET /healthz?" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST),
        (431, "head_too_large", HEALTH + HOST + b"a: b\r\n" * 100),
        (431, "head_too_large", HEALTH + HOST + (b"a: " + b"x" * 4000 + b"\r\n") * 9),
        (400, "malformed_request", HEALTH),
        (400, "malformed_request", HEALTH + HOST + HOST),
        (400, "malformed_request", b"GET /healthz HTTP/1.0\r\n" + HOST + HOST),
        (400, "malformed_request", b"GET /healthz HTTP/2.0\r\n" + HOST),
        (400, "malformed_request", b"GET /healthz\r\n"),
        (400, "malformed_request", b"CONNECT a:80 HTTP/1.1\r\n" + HOST),
        (400, "malformed_request", HEALTH + HOST + b"a : b\r\n"),
        (400, "malformed_request", HEALTH + HOST + b"a: b\r\n c\r\n"),
        (400, "malformed_request", HEALTH + HOST + b"content-length: 0\r\ntransfer-encoding: chunked\r\n"),
        (400, "malformed_request", HEALTH + HOST + b"content-length: 0\r\ncontent-length: 1\r\n"),
        (400, "malformed_request", b"GET /healthz HTTP/1.0\r\ntransfer-encoding: chunked\r\n"),
        (400, "malformed_request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else None,
)
async def test_a_head_that_cannot_be_taken_is_a_problem_and_ends_the_connection(
    port: int, status: int, reason: str, head: bytes
) -> None:
    said = await answer(port, head + b"\r\n")

    start, _, body = said.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 %d " % status), said
    assert b"\r\nconnection: close" in start
    document = json.loads(body)
    assert (status, reason) == (document["status"], document["reason"])
    assert b"\r\nx-request-id: " + document["request_id"].encode() in start


@pytest.mark.parametrize(
    "head", [HEALTH + HOST + CLOSE, b"GET /healthz HTTP/1.0\r\n", b"GET http://a/healthz HTTP/1.1\r\n" + HOST + CLOSE]
)
async def test_a_head_of_another_kind_is_answered(port: int, head: bytes) -> None:
    said = await answer(port, head + b"\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b'{"alive":true}')


@pytest.mark.parametrize(
    ("parts", "statuses"),
    [
        ([b""], []),
        ([HEALTH], [b"408"]),
        ([HEALTH + HOST + b"\r\n"], [b"200"]),
        ([HEALTH + HOST + b"\r\n", HEALTH], [b"200", b"408"]),
        ([LOGIN + HOST + b"\r\n{"], [b"408"]),
    ],
    ids=["nothing", "half a head", "one request", "one and a half", "half a body"],
)
async def test_a_slow_client_is_not_waited_for(port: int, parts: list[bytes], statuses: list[bytes]) -> None:
    began = time.monotonic()
    said = await answer(port, *parts)
    assert statuses == re.findall(rb"HTTP/1\.1 (\d+)", said)
    assert time.monotonic() - began < 5


async def test_slow_clients_leave_room_for_others(port: int, http: AsyncClient) -> None:
    slow = [asyncio.create_task(answer(port, HEALTH)) for _ in range(40)]
    await asyncio.sleep(0.2)
    refused = await http.get("/healthz")
    problem(refused, 503, "too_many_connections")
    assert ("1", "close") == (refused.headers["retry-after"], refused.headers["connection"])
    await asyncio.gather(*slow)
    assert 200 == (await http.get("/healthz")).status_code


async def test_a_frozen_service_costs_its_callers_alone(
    gateway: Process, products: Process, http: AsyncClient, port: int
) -> None:
    assert 200 == (await http.get("/v1/products/1")).status_code
    products.signal(signal.SIGSTOP)
    try:
        asking = [asyncio.create_task(http.get("/v1/products/1")) for _ in range(12)]
        await asyncio.sleep(0.3)
        assert 200 == (await http.get("/healthz")).status_code
        answers = [await task for task in asking]
        assert 8 == told(answers, 504, "deadline_exceeded")
        assert 4 == told(answers, 503, "gateway_busy")

        began = time.monotonic()
        refused = await http.get("/v1/products/1")
        problem(refused, 503, "circuit_open")
        assert "1" == refused.headers["retry-after"]
        assert time.monotonic() - began < 2
        await gateway.said("circuit_opened")
    finally:
        products.signal(signal.SIGCONT)
    await asyncio.sleep(1.1)
    assert 200 == (await http.get("/v1/products/1")).status_code
    await gateway.said("circuit_closed")


async def test_a_client_that_goes_away_takes_its_request_along(
    gateway: Process, products: Process, http: AsyncClient, port: int
) -> None:
    products.signal(signal.SIGSTOP)
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v1/products/1 HTTP/1.1\r\nx-request-id: gone\r\n" + HOST + b"\r\n")
        await asyncio.sleep(0.2)
        writer.close()
        assert "gone" == (await gateway.said("client_disconnected"))["request_id"]
        line = await gateway.said("request")
        assert ("gone", 499) == (line["request_id"], line["status"])
        assert line["ms"] < 900
    finally:
        products.signal(signal.SIGCONT)
    assert 200 == (await http.get("/v1/products/1")).status_code


def told(answers: list[Response], status: int, reason: str) -> int:
    """How many were told so."""
    return sum((status, reason) == (answer.status_code, answer.json().get("reason")) for answer in answers)
