"""Conditional requests (RFC 9110, section 13) on every route, those that will be added too."""

from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx2 import AsyncClient

from gateway.routing.conditional_writes import READS
from gateway.routing.declarations import api_routes, declared
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import READ
from mesh.core.errors import Conflict, NoResponder, NotFound
from subjects import (
    AUTH_LOGOUT,
    AUTH_USERS_UPDATE,
    CUSTOMERS_ARCHIVE,
    CUSTOMERS_CREATE,
    CUSTOMERS_GET,
    CUSTOMERS_UPDATE,
    PRODUCTS_CATEGORIES_UPDATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_SUPPLIERS_UPDATE,
    PRODUCTS_UPDATE,
)
from tests.support.gateway.requests_of_all_kinds import fitting
from tests.support.gateway.two_ways import Asked, Both
from tests.support.gateway.world import World
from tests.support.http.problems import problem

Header = tuple[bytes, bytes]

WRITES: Final = (
    ("PATCH", "/v1/customers/ALFKI", {"city": "Potsdam"}, CUSTOMERS_UPDATE),
    ("PUT", "/v1/customers/ALFKI", {"company_name": "Alfreds"}, CUSTOMERS_UPDATE),
    ("PATCH", "/v1/products/1", {"reorder_level": 1}, PRODUCTS_UPDATE),
    ("PUT", "/v1/categories/1", {"category_name": "Beverages"}, PRODUCTS_CATEGORIES_UPDATE),
    ("PUT", "/v1/suppliers/1", {"company_name": "Exotic Liquids"}, PRODUCTS_SUPPLIERS_UPDATE),
    ("DELETE", "/v1/customers/ALFKI", None, CUSTOMERS_ARCHIVE),
    ("POST", "/v1/products/1/discontinue", None, PRODUCTS_DISCONTINUE),
)
"""Those of a resource with an ETag, which is "3"."""
MALFORMED: Final = ("3", "", '"3', '"3" "4"', "x y", '*, "3"', '"3", *', 'w/"3"', 'W/ "3"', ",", '"a b"', "\t")


@pytest.fixture(scope="module")
def both() -> Both:
    return Both()


@pytest.mark.parametrize("if_none_match", ['"3"', 'W/"3"', '"2", "3"', '"a,b", W/"3"', ',, "3" ,', '"é", "3"', "*"])
@pytest.mark.parametrize("path", ["/v1/customers/ALFKI", "/v1/products/1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_version_that_the_client_has_is_304(
    http: AsyncClient, user: dict[str, str], method: str, path: str, if_none_match: str
) -> None:
    condition = (b"If-None-Match", if_none_match.encode("latin-1"))
    headers = [*((name.encode(), value.encode()) for name, value in user.items()), condition]
    response = await http.request(method, path, headers=headers)
    named = 'W/"3"' if 'W/"3"' in if_none_match else '"3"'  # the copy that the client has
    assert (304, b"", named) == (response.status_code, response.content, response.headers["etag"])
    assert "content-type" not in response.headers
    assert "private, no-cache" == response.headers["cache-control"]


@pytest.mark.parametrize("if_none_match", ['"2"', '"33"', '""', 'W/"2", "4"', '"*"'])
async def test_a_version_that_the_client_does_not_have_is_sent(http: AsyncClient, if_none_match: str) -> None:
    response = await http.get("/v1/products/1", headers={"If-None-Match": if_none_match})
    assert 200 == response.status_code


@pytest.mark.parametrize("if_match", ['W/"2"', '"2"', '"2", W/"4"', '"33"', '""'])
async def test_a_read_of_another_version_than_it_names_is_412(http: AsyncClient, if_match: str) -> None:
    response = await http.get("/v1/products/1", headers={"If-Match": if_match})
    assert 3 == problem(response, 412, "version_mismatch").current_version
    assert ('"3"', "no-store") == (response.headers["etag"], response.headers["cache-control"])
    assert 412 == (await http.head("/v1/products/1", headers={"If-Match": if_match})).status_code


@pytest.mark.parametrize("if_match", ['"3"', '"2", "3"', 'W/"3"', '"2", W/"3"', "*"])
async def test_a_read_of_the_version_that_it_names_is_answered(http: AsyncClient, if_match: str) -> None:
    assert 200 == (await http.get("/v1/products/1", headers={"If-Match": if_match})).status_code


async def test_if_match_is_looked_at_before_if_none_match(http: AsyncClient) -> None:
    both_fail = {"If-Match": '"2"', "If-None-Match": '"3"'}
    problem(await http.get("/v1/products/1", headers=both_fail), 412, "version_mismatch")
    assert 304 == (await http.get("/v1/products/1", headers={**both_fail, "If-Match": '"3"'})).status_code


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_several_lines_are_one_list(http: AsyncClient, admin: dict[str, str], name: str) -> None:
    lines = [(name, '"2"'), (name, 'W/"9"'), (name, '"3"')]
    read = await http.get("/v1/products/1", headers=lines)
    written = await http.delete("/v1/customers/ALFKI", headers=[*admin.items(), *lines])
    expected = (200, 204) if name == "If-Match" else (304, 412)
    assert expected == (read.status_code, written.status_code)


@pytest.mark.parametrize("condition", [*MALFORMED, ", ".join(['"3"'] * 50) + ", 3"])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_what_is_no_list_of_tags_is_400(
    http: AsyncClient, world: World, admin: dict[str, str], name: str, condition: str
) -> None:
    said = problem(await http.get("/v1/products/1", headers={name: condition}), 400, "invalid_etag")
    assert [name] == [error.field for error in said.errors]
    for method, path, body, endpoint in WRITES:
        response = await http.request(method, path, json=body, headers={**admin, name: condition})
        said = problem(response, 400, "invalid_etag")
        assert [name] == [error.field for error in said.errors]
        assert endpoint not in {seen.endpoint for seen in world.seen}


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"If-Match": tag}
            for tag in ('W/"2", "4"', '"03"', '"0"', '"abc"', '""', '"9999999999"', '"-1"', '"1", "2"')
        ),
        *({"If-None-Match": tag} for tag in ("*", '"3"', 'W/"3"', '"2", "3"')),
        {"If-Match": '"3"', "If-None-Match": '"3"'},
        {"If-Match": "*", "If-None-Match": "*"},
        {"If-Match": '"2", "3"', "If-None-Match": "*"},
    ],
    ids=str,
)
async def test_a_write_whose_conditions_are_not_met_does_nothing(
    http: AsyncClient, world: World, admin: dict[str, str], headers: dict[str, str]
) -> None:
    for method, path, body, endpoint in WRITES:
        response = await http.request(method, path, json=body, headers={**admin, **headers})
        problem(response, 412, "version_mismatch")
        assert endpoint not in {seen.endpoint for seen in world.seen}


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": '"3"'},
        {"If-Match": 'W/"3"'},
        {"If-Match": '"2", "3"'},
        {"If-Match": '"2", W/"3"'},
        {"If-Match": '"4", W/"3", "3"', "If-None-Match": '"2"'},
        {"If-Match": '"3"', "If-None-Match": '"2"'},
    ],
    ids=str,
)
async def test_a_write_is_for_the_very_version_that_met_its_conditions(
    http: AsyncClient, world: World, admin: dict[str, str], headers: dict[str, str]
) -> None:
    for method, path, body, endpoint in WRITES:
        response = await http.request(method, path, json=body, headers={**admin, **headers})
        assert response.is_success, response.text
        assert (endpoint, 3) == (world.last.endpoint, world.last.sent["expected_version"])


async def test_a_single_tag_costs_no_reading(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    await http.delete("/v1/customers/ALFKI", headers={**admin, "If-Match": ' "4" '})
    assert [(CUSTOMERS_ARCHIVE, 4)] == [(seen.endpoint, seen.sent["expected_version"]) for seen in world.asked]


async def test_a_version_that_changes_between_reading_and_writing_is_412(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    world.fails[CUSTOMERS_ARCHIVE] = Conflict("version_mismatch", "the customer is in version 4")
    for name, condition in (("If-Match", '"2", "3"'), ("If-None-Match", '"2"')):
        response = await http.delete("/v1/customers/ALFKI", headers={**admin, name: condition})
        problem(response, 412, "version_mismatch")
        assert 3 == world.last.sent["expected_version"]


@pytest.mark.parametrize("headers", [{"If-None-Match": '"2"'}, {"If-Match": "*"}, {"If-Modified-Since": "x"}], ids=str)
async def test_a_change_wants_the_tag_that_it_is_meant_for(
    http: AsyncClient, world: World, admin: dict[str, str], headers: dict[str, str]
) -> None:
    response = await http.patch("/v1/products/1", json={"reorder_level": 1}, headers={**admin, **headers})
    problem(response, 428, "if_match_required")
    assert PRODUCTS_UPDATE not in {seen.endpoint for seen in world.seen}


@pytest.mark.parametrize("condition", [("If-Match", '"3", "4"'), ("If-None-Match", "*"), ("If-Match", "nonsense")])
async def test_who_may_not_write_hears_that_first(
    http: AsyncClient, world: World, user: dict[str, str], condition: tuple[str, str]
) -> None:
    for method, path, body, _ in WRITES:
        headers = dict([condition])
        problem(await http.request(method, path, json=body, headers=headers), 401, "token_required")
        problem(await http.request(method, path, json=body, headers={**user, **headers}), 403, "role_required")
    assert [] == world.asked


async def test_what_would_fail_without_conditions_fails_as_it_would(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    failing = {**admin, "If-Match": '"1", "2"', "If-None-Match": "*"}
    problem(await http.delete("/v1/customers/ALFK", headers=failing), 404, "customer_not_found")
    problem(await http.get("/v1/customers/ALFK", headers=failing), 404, "customer_not_found")
    problem(await http.get("/v1/customers/ALFKI?colour=red", headers=failing), 422, "invalid_request")
    problem(await http.get("/v1/customers/ALFKI", headers={"If-None-Match": "nonsense"}), 401, "token_required")
    text = {**failing, "Content-Type": "text/plain"}
    problem(await http.patch("/v1/customers/ALFKI", content="x", headers=text), 415, "unsupported_media_type")
    world.fails[CUSTOMERS_GET] = NotFound("customer_not_found", "…")
    for method in ("GET", "DELETE"):
        problem(await http.request(method, "/v1/customers/ALFKI", headers=failing), 404, "customer_not_found")
    assert CUSTOMERS_ARCHIVE not in {seen.endpoint for seen in world.seen}
    absent = {**admin, "If-None-Match": "*"}
    assert 204 == (await http.delete("/v1/customers/ALFKI", headers=absent)).status_code
    world.seen.clear()
    world.fails[CUSTOMERS_GET] = NoResponder("…")
    problem(await http.delete("/v1/customers/ALFKI", headers=failing), 503, "dependency_unavailable")
    assert CUSTOMERS_ARCHIVE not in {seen.endpoint for seen in world.seen}


async def test_a_resource_without_an_etag_matches_no_tag(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    change = {"disabled": True}
    path = "/v1/users/68f0c2a91b7e4d5f8a3c6e0168f0c2a9"
    for failing in ({"If-Match": '"3"'}, {"If-None-Match": "*"}):
        problem(await http.patch(path, json=change, headers={**admin, **failing}), 412, "version_mismatch")
    assert AUTH_USERS_UPDATE not in {seen.endpoint for seen in world.seen}
    for met in ({"If-Match": "*"}, {"If-None-Match": '"3"'}):
        assert 200 == (await http.patch(path, json=change, headers={**admin, **met})).status_code
    problem(await http.get(path, headers={**admin, "If-Match": '"3"'}), 412, "version_mismatch")
    assert 304 == (await http.get("/v1/users", headers={**admin, "If-None-Match": "*"})).status_code


async def test_what_is_not_there_to_be_read_matches_nothing(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    new = {"customer_id": "ALFKI", "company_name": "Alfreds Futterkiste"}
    for failing in ({"If-Match": "*"}, {"If-Match": '"3"'}):
        problem(await http.post("/v1/auth/logout", headers={**admin, **failing}), 412, "version_mismatch")
    problem(
        await http.post("/v1/customers", json=new, headers={**admin, "If-None-Match": "*"}), 412, "version_mismatch"
    )
    assert {AUTH_LOGOUT, CUSTOMERS_CREATE}.isdisjoint(seen.endpoint for seen in world.seen)
    assert 204 == (await http.post("/v1/auth/logout", headers={**admin, "If-None-Match": "*"})).status_code


def answers_with_an_etag(route: APIRoute) -> bool:
    return READS >= (route.methods or READS) and READ.items() <= route.responses.items()


async def test_every_route_keeps_the_conditions(both: Both) -> None:
    """Of every route that there is: no write is done against a condition, no read answered."""
    routes = {route.name: route for route in api_routes(both.long.app) if isinstance(route, JsonRoute)}
    conditions: tuple[tuple[Header, ...], ...] = (
        ((b"if-match", b'"1", "2"'),),
        ((b"if-match", b'W/"1", W/"2"'),),
        ((b"if-match", b'"3"'), (b"if-none-match", b"*")),
        ((b"if-match", b"3"),),
    )
    for name, asked in fitting(both.long.app).items():
        plain = await both.same(asked)
        if name in {"get_readiness", "follow_events"}:  # 503, as nobody is there: then conditions count for nothing
            continue
        assert plain.status < 300, name
        written = declared(routes[name])
        for headers in conditions:
            others = tuple(header for header in asked.headers if header[0] != b"if-match")
            answer = await both.same(Asked(asked.method, asked.target, headers=(*others, *headers), body=asked.body))
            assert answer.status in {304, 400, 412}, (name, headers)
            if asked.method != "GET" and written:
                assert written.subject not in {subject for subject, _, _ in answer.asked}, (name, headers)


def test_every_write_of_a_resource_with_an_etag_takes_the_version(app: FastAPI) -> None:
    """Or it could not be done atomically: it declares ExpectedVersion or RequiredVersion."""
    routes = [route for route in api_routes(app) if isinstance(route, JsonRoute)]
    paths = {route.path for route in routes if answers_with_an_etag(route)}
    assert paths
    of_these = [
        route
        for route in routes
        if not READS >= (route.methods or READS) and (route.path in paths or route.path.rpartition("/")[0] in paths)
    ]
    assert {"update_customer", "archive_customer", "update_product", "discontinue_product"} <= {
        r.name for r in of_these
    }
    assert [] == [route.name for route in of_these if not route.takes_version]
