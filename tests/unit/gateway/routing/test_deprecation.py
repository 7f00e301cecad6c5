"""A deprecated route says so in every response and in the OpenAPI document."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import ASGITransport, AsyncClient

from gateway import problems
from gateway.middleware.deprecations import Deprecations, retiring
from gateway.middleware.methods import Methods, routes
from gateway.routing.deprecation import deprecated
from gateway.routing.route import JsonRoute
from mesh.core.errors import NotFound

SINCE, SUNSET = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
GUIDE = "https://docs.example/v2"


@pytest.fixture
def application() -> FastAPI:
    """An application with a deprecated route and another one."""
    router = APIRouter(route_class=JsonRoute)

    @router.get("/old/{number}", dependencies=[deprecated(SINCE, SUNSET, GUIDE)])
    async def get_old(number: int) -> dict[str, int]:
        if number == 0:
            raise NotFound("unknown_path", "there is no zero")
        return {"number": number}

    @router.get("/new/{number}")
    async def get_new(number: int) -> dict[str, int]:
        return {"number": number}

    made = FastAPI()
    for kind, handler in problems.HANDLERS.items():
        made.add_exception_handler(kind, handler)
    made.include_router(router)
    made.add_middleware(Methods, routes=routes(made))
    made.add_middleware(Deprecations, routes=retiring(routes(made)))
    return made


@pytest.fixture
async def client(application: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(application), base_url="http://gateway.test") as made:
        yield made


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "1", 200), ("HEAD", "1", 200), ("GET", "0", 404)])
async def test_every_response_says_since_when_and_until_when(
    client: AsyncClient, method: str, path: str, status: int
) -> None:
    response = await client.request(method, f"/old/{path}")
    assert (status, "@1796083200", "Tue, 01 Jun 2027 00:00:00 GMT") == (
        response.status_code,
        response.headers["deprecation"],
        response.headers["sunset"],
    )
    assert f'<{GUIDE}>; rel="deprecation"; type="text/html"' == response.headers["link"]


async def test_another_route_says_nothing(client: AsyncClient) -> None:
    for response in (await client.get("/new/1"), await client.get("/nothing"), await client.delete("/old/1")):
        assert {"deprecation", "sunset", "link"}.isdisjoint(response.headers)


async def test_the_document_says_so(application: FastAPI) -> None:
    paths = application.openapi()["paths"]
    old = paths["/old/{number}"]["get"]
    assert old["deprecated"]
    assert {"Deprecation", "Sunset"} == old["responses"]["200"]["headers"].keys()
    assert "deprecated" not in paths["/new/{number}"]["get"]


def test_a_request_runs_no_dependency_for_it(application: FastAPI) -> None:
    [old] = [found.dependant for found in routes(application) if found.path == "/old/{number}"]
    assert [] == old.dependencies


def test_a_sunset_before_the_deprecation_is_refused() -> None:
    with pytest.raises(ValueError, match="sunset"):
        deprecated(SUNSET, SINCE)
