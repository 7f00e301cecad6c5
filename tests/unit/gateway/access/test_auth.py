import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from httpx2 import AsyncClient

from contracts.auth import GetJwks, GetMe, Jwks, User
from gateway.app import build
from gateway.routing.calls import Call, calls
from gateway.routing.declarations import api_routes, declared, refuse_undeclared
from gateway.routing.route import JsonRoute
from gateway.settings import GatewaySettings
from mesh.core.endpoint import Access
from mesh.transport.memory import MemoryTransport
from subjects import AUTH_JWKS, AUTH_ME, ENDPOINTS
from tests.support.contract import golden
from tests.support.gateway.access import ACCESS
from tests.support.gateway.tokens import bearer
from tests.support.gateway.world import World
from tests.support.http.problems import problem

FOR_USERS = [route for route, access in ACCESS.items() if access is Access.USER]
GUARDED = [route for route, access in ACCESS.items() if access is not Access.ANYONE]
of_users = pytest.mark.parametrize("route", FOR_USERS, ids=" ".join)
of_guarded = pytest.mark.parametrize("route", GUARDED, ids=" ".join)


def target(path: str) -> str:
    """A path with a value for each parameter."""
    filled = path.replace("{customer_id}", "ALFKI").replace("{user_id}", "0" * 32).replace("{session_id}", "0" * 32)
    return re.sub(r"\{\w+\}", "1", filled)


async def test_who_may_use_which_route(app: FastAPI) -> None:
    declarations = {
        (min(route.methods or ()), route.path): endpoint
        for route in api_routes(app)
        if (endpoint := declared(route)) is not None
    }
    assert ACCESS == {route: endpoint.access for route, endpoint in declarations.items()}
    stated = {route: one.subject for route, one in golden.routes().items()}
    assert stated == {route: endpoint.subject for route, endpoint in declarations.items()}


def test_the_access_of_every_subject_is_the_stated_one() -> None:
    assert {one.subject: one.access for one in golden.access()} == {one.subject: one.access for one in ENDPOINTS}


@of_guarded
async def test_without_a_token_it_is_401_and_nothing_is_asked(
    http: AsyncClient, world: World, route: tuple[str, str]
) -> None:
    method, path = route
    response = await http.request(method, target(path))
    problem(response, 401, "token_required")
    assert "Bearer" == response.headers["www-authenticate"]
    assert [] == world.seen


@of_guarded
async def test_without_the_role_it_is_403_and_nothing_is_asked(
    http: AsyncClient, world: World, route: tuple[str, str]
) -> None:
    method, path = route
    headers = bearer("USER") if ACCESS[route] is Access.ADMIN else bearer()
    problem(await http.request(method, target(path), headers=headers), 403, "role_required")
    assert [] == world.asked


@of_users
async def test_an_administrator_may_what_a_user_may(
    http: AsyncClient, admin: dict[str, str], route: tuple[str, str]
) -> None:
    method, path = route
    # Without a body 422 is what a permitted request may come to.
    assert (await http.request(method, target(path), headers=admin)).status_code in (200, 202, 204, 422)


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("Bearer", "invalid_token"),
        ("Bearer ", "invalid_token"),
        ("Bearer a.b.c", "invalid_token"),
        ("Basic bmFuY3k6c2VjcmV0", "invalid_token"),
        ("Bearer " + "x" * 5000, "invalid_token"),
        (bearer("USER", exp=1)["Authorization"], "token_expired"),
        (bearer("USER", aud="others")["Authorization"], "invalid_token"),
        (bearer("USER", kid="unknown")["Authorization"], "invalid_token"),
    ],
)
async def test_a_token_that_is_not_valid_is_401(http: AsyncClient, authorization: str, reason: str) -> None:
    response = await http.get("/v1/customers/ALFKI", headers={"Authorization": authorization})
    problem(response, 401, reason)
    assert 'Bearer error="invalid_token"' == response.headers["www-authenticate"]


async def test_who_may_not_hears_that_before_anything_about_the_request(http: AsyncClient) -> None:
    response = await http.post("/v1/customers", content=b"{", headers={"Content-Type": "application/json"})
    problem(response, 401, "token_required")


async def test_the_keys_are_asked_for_once(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    for _ in range(3):
        await http.get("/v1/customers/ALFKI", headers=user)
    assert 1 == [seen.endpoint for seen in world.seen].count(AUTH_JWKS)


async def test_a_session_that_was_revoked_is_401(http: AsyncClient) -> None:
    response = await http.get("/v1/customers/ALFKI", headers=bearer("USER", sid="s-revoked"))
    problem(response, 401, "session_revoked")
    assert 'Bearer error="invalid_token"' == response.headers["www-authenticate"]


async def test_without_the_keys_it_is_503(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    await world.stop("auth")
    said = problem(await http.get("/v1/customers/ALFKI", headers=user), 503, "keys_unavailable")
    assert "access tokens cannot be verified: the auth service is not available" == said.detail


@pytest.mark.parametrize("documented", [True, False])
async def test_a_route_that_declares_no_endpoint_fails_the_start(
    transport: MemoryTransport,
    documented: bool,  # noqa: FBT001
) -> None:
    app = build(GatewaySettings(), transport)

    @app.get("/v1/forgotten", include_in_schema=documented)
    async def forgotten() -> None:
        pass

    paths = frozenset(route.path for route in api_routes(app) if route.name != "forgotten")
    with pytest.raises(RuntimeError, match="/v1/forgotten declares no endpoint"):
        refuse_undeclared(app, without=paths)


async def other(call: Call[GetJwks, Jwks] = calls(AUTH_JWKS)) -> Jwks:
    """Have a call of its own."""
    return await call(GetJwks())


def with_route(function: Callable[..., Any], **declared: Any) -> FastAPI:  # noqa: ANN401  # FastAPI's own
    app = FastAPI()
    router = APIRouter(route_class=declared.pop("route_class", JsonRoute), dependencies=declared.pop("all", []))
    router.get("/v1/odd", **declared)(function)
    app.include_router(router)
    return app


async def test_a_route_that_calls_two_endpoints_fails_the_start() -> None:
    async def both(one: Call[GetJwks, Jwks] = calls(AUTH_JWKS), two: Call[GetMe, User] = calls(AUTH_ME)) -> None:
        pass

    with pytest.raises(RuntimeError, match="both calls more than one endpoint"):
        with_route(both)


async def calls_one(call: Call[GetMe, User] = calls(AUTH_ME)) -> None:
    pass


async def calls_one_and_another(_: Annotated[Jwks, Depends(other)], call: Call[GetMe, User] = calls(AUTH_ME)) -> None:
    pass


async def calls_another(_: Annotated[Jwks, Depends(other)]) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "declared", "without"),
    [
        (calls_one_and_another, {}, set()),
        (calls_one, {"dependencies": [Depends(other)]}, set()),
        (calls_one, {"all": [Depends(other)]}, set()),
        (calls_another, {}, {"/v1/odd"}),
        (calls_one, {"route_class": APIRoute}, {"/v1/odd"}),
    ],
)
async def test_a_call_that_is_not_the_routes_own_fails_the_start(
    function: Callable[..., Any], declared: dict[str, Any], without: set[str]
) -> None:
    app = with_route(function, **declared)
    with pytest.raises(RuntimeError, match="/v1/odd calls an endpoint that none of its own"):
        refuse_undeclared(app, without=frozenset(without))


async def test_a_route_without_the_guard_of_its_endpoint_fails_the_start() -> None:
    with pytest.raises(RuntimeError, match="/v1/odd declares no endpoint"):
        refuse_undeclared(with_route(calls_one, route_class=APIRoute), without=frozenset())
