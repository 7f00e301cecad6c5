import json
from urllib.parse import quote

import pytest
import structlog
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from starlette.types import Message as AsgiMessage

from gateway.settings import GatewaySettings
from mesh.telemetry.logs import request_id
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from tests.support.gateway.applications import application
from tests.support.gateway.world import World
from tests.support.http.problems import problem


async def test_a_request_id_goes_all_the_way(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products/1", headers={"X-Request-Id": "shop-42"})
    assert "shop-42" == response.headers["x-request-id"] == world.last.request_id


@pytest.mark.parametrize("sent", [None, "", "two words", "x" * 129, "é"])
async def test_a_request_without_a_fit_id_gets_one(http: AsyncClient, world: World, sent: str | None) -> None:
    headers = [] if sent is None else [(b"X-Request-Id", sent.encode())]
    response = await http.get("/v1/products/1", headers=headers)
    assert response.headers["x-request-id"] not in {None, "", sent}
    assert response.headers["x-request-id"] == world.last.request_id


@pytest.mark.parametrize("path", ["/healthz", "/v1/nothing", "/v1/customers", "/docs", "/openapi.json"])
async def test_every_response_has_an_id_and_is_not_sniffed(http: AsyncClient, path: str) -> None:
    response = await http.get(path, headers={"X-Request-Id": "r1"})
    assert ("r1", "nosniff") == (response.headers["x-request-id"], response.headers["x-content-type-options"])


async def test_a_request_is_one_line_in_the_log(http: AsyncClient, user: dict[str, str]) -> None:
    with structlog.testing.capture_logs(processors=[request_id]) as logs:
        await http.get("/v1/customers/ALFKI?", headers={**user, "X-Request-Id": "r1"})
    lines = [line for line in logs if "path" in line]
    assert ["GET"] == [line["method"] for line in lines]
    assert ("/v1/customers/{customer_id}", 200, "r1") == (lines[0]["path"], lines[0]["status"], lines[0]["request_id"])
    assert lines[0]["ms"] >= 0


async def test_a_path_without_a_route_is_logged_as_it_came(http: AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        await http.get("/v1/" + "x/" * 500)
    assert [("/v1/" + "x/" * 98, 404)] == [(line["path"], line["status"]) for line in logs]


JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        JWT[:20],
        f"x{JWT}",
        f"{JWT}?a",
        "jxTkX87qTXqcGy9rGjxdfgAAAANzMAhx9EwWjnyUneLHUOYMLJu4_1MAF8WiZyNOnLTbjg",
        f"SU{'A' * 56}",
        f"ghp_{'0123456789' * 4}",
        "x" * 1000,
        "Bearer abc",
        "token=abc",
        "api_key:abc",
        "Password=abc",
    ],
)
@pytest.mark.parametrize("path", ["/v1/{}", "/{}/me", "/v1/" + "a/" * 96 + "{}", "/v1/auth/{}/{}"])
async def test_what_looks_like_a_secret_in_a_path_is_not_logged(http: AsyncClient, path: str, secret: str) -> None:
    with structlog.testing.capture_logs() as logs:
        await http.get(quote(path.format(*[secret] * 2)))
    [line] = logs
    assert secret[:8] not in line["path"]
    assert path.format(*["[redacted]"] * 2)[:200] == line["path"]


@pytest.mark.parametrize("path", ["/v1/customers/ALFKI/carts", f"/v1/user/{'0123456789abcdef' * 2}", "/größe", "//"])
async def test_what_looks_like_none_is(http: AsyncClient, path: str) -> None:
    with structlog.testing.capture_logs() as logs:
        await http.get(f"http://gateway.test{quote(path)}")
    assert [path] == [line["path"] for line in logs]


async def test_a_service_that_does_not_answer_in_time_is_504(world: World) -> None:
    silent = MemoryTransport(world.broker)
    await world.stop("products")
    await silent.subscribe("products.get", lambda _: None, "q")
    app = application(GatewaySettings(gateway_timeout=0.05), MemoryTransport(world.broker))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:
        problem(await http.get("/v1/products/1"), 504, "deadline_exceeded")


async def test_trace_headers_travel_on(world: World, http: AsyncClient) -> None:
    seen: list[Message] = []
    await MemoryTransport(world.broker).subscribe("products.get", seen.append)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = {"traceparent": parent, "tracestate": "a=1", "baggage": "x" * 9000}
    await http.get("/v1/products/1", headers=sent)
    assert {"traceparent": parent, "tracestate": "a=1"} == {
        name: value for name, value in seen[0].headers.items() if name in sent
    }


@pytest.mark.parametrize(
    ("path", "caching"),
    [
        ("/v1/users", ["no-store"]),
        ("/v1/audit", ["no-store"]),
        ("/v1/auth/me", ["no-store"]),
        ("/v1/auth/sessions", ["no-store"]),
        ("/v1/customers", ["no-store"]),
        ("/v1/nothing", ["no-store"]),
        ("/v1/customers/ALFKI", ["private, no-cache"]),
        ("/.well-known/jwks.json", ["public, max-age=300"]),
    ],
)
async def test_what_somebody_with_a_token_hears_is_kept_by_no_cache(
    http: AsyncClient, admin: dict[str, str], path: str, caching: list[str]
) -> None:
    response = await http.get(path, headers=admin)
    assert caching == response.headers.get_list("cache-control")


async def test_what_everybody_hears_may_be_kept(http: AsyncClient) -> None:
    assert "cache-control" not in (await http.get("/v1/products/1")).headers


async def test_a_request_that_nothing_can_be_made_of_is_answered_in_the_same_form(app: FastAPI) -> None:
    sent: list[AsgiMessage] = []

    async def send(message: AsgiMessage) -> None:
        sent.append(message)

    async def receive() -> AsgiMessage:
        return {"type": "http.disconnect"}

    broken = {"type": "http", "method": "GET", "path": "/healthz"}  # its headers are missing
    with pytest.raises(KeyError):
        await app(broken, receive, send)
    told = dict(sent[0]["headers"])
    assert (500, b"application/problem+json") == (sent[0]["status"], told[b"content-type"])
    assert b"nosniff" == told[b"x-content-type-options"]
    assert told[b"x-request-id"] == json.loads(sent[1]["body"])["request_id"].encode()
