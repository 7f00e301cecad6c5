"""No HTTP request leaves a cycle behind, be it what everybody asks or what nobody should."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import structlog
from httpx2 import AsyncClient

from mesh.core.errors import Conflict, NotFound, Unavailable
from mesh.telemetry.logs import as_json, exceptions
from subjects import CUSTOMERS_GET
from tests.support.garbage import left_by
from tests.support.gateway.world import World

_ROUNDS = 12


@pytest.fixture(autouse=True)
def logging_as_a_process_does() -> Iterator[None]:
    structlog.configure([exceptions, as_json], logger_factory=structlog.BytesLoggerFactory(BytesIO()))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("ask", "sent"),
    [
        ("GET /v1/customers/ALFKI", {}),
        ("GET /v1/customers/ALFK", {}),
        ("GET /v1/customers/ALFKI", {"headers": {"Authorization": "Bearer forged"}}),
        ("GET /v1/customers/ALFKI", {"headers": {"Authorization": "Bearer e30.e30." + "A" * 86}}),
        ("GET /v1/products?limit=0", {}),
        ("GET /v1/products", {}),
        ("GET /nowhere", {}),
        ("DELETE /v1/products", {}),
        ("POST /v1/auth/login", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        ("POST /v1/auth/login", {"json": {"email": 1}}),
        ("POST /v1/auth/login", {"json": {str(n): n for n in range(500)}}),
        ("POST /v1/auth/login", {"json": {"email": "a@b.example", "password": "x"}}),
        ("POST /v1/auth/login", {"content": b"x" * 20_000, "headers": {"Content-Type": "application/json"}}),
        ("POST /v1/auth/login", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
    ],
)
async def test_no_request_leaves_a_cycle(
    http: AsyncClient, world: World, user: dict[str, str], ask: str, sent: dict[str, Any]
) -> None:
    method, path = ask.split()
    headers = {**user, **sent.get("headers", {})}
    assert not await left_by(lambda: ask_anew(world, http, method, path, **{**sent, "headers": headers}), _ROUNDS)


@pytest.mark.parametrize("failure", [NotFound("x", "x"), Conflict("x", "x"), Unavailable("x", "x"), ValueError()])
async def test_no_request_that_a_worker_fails_leaves_a_cycle(
    http: AsyncClient, world: World, user: dict[str, str], failure: Exception
) -> None:
    world.fails[CUSTOMERS_GET] = failure
    assert not await left_by(lambda: ask_anew(world, http, "GET", "/v1/customers/ALFKI", headers=user), _ROUNDS)


async def ask_anew(world: World, http: AsyncClient, method: str, path: str, **sent: Any) -> None:  # noqa: ANN401  # whatever the client takes
    world.seen.clear()  # it keeps what it has seen
    await http.request(method, path, **sent)
