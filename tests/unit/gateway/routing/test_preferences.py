"""`Prefer: return=minimal` on every write that responds with a resource, as its declaration says."""

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from gateway.routing.declarations import api_routes
from gateway.routing.route import JsonRoute
from tests.support.gateway.requests_of_all_kinds import fitting
from tests.support.gateway.two_ways import Both
from tests.support.http.problems import problem

MINIMAL = {"Prefer": "return=minimal"}


@pytest.fixture(scope="module")
async def both() -> Both:
    """Both ways, which have fetched what they verify tokens by."""
    made = Both()
    await made.same(fitting(made.long.app)["get_me"])
    return made


async def test_every_write_of_a_resource_keeps_the_preference(both: Both) -> None:
    routes = {route.name: route for route in api_routes(both.long.app) if isinstance(route, JsonRoute)}
    kept, not_kept = set(), set()
    for name, asked in fitting(both.long.app).items():
        if asked.method == "GET":
            continue
        plain = await both.same(asked)
        short = await both.same(asked.with_header(b"prefer", b"return=minimal"))
        if not routes[name].takes_preference:
            assert plain == short
            not_kept.add(name)
            continue
        kept.add(name)
        headers = dict(short.messages[0]["headers"])
        assert {200: 204, 201: 201, 202: 202}[plain.status] == short.status, name
        assert (b"", b"return=minimal") == (short.messages[1]["body"], headers[b"preference-applied"])
        assert dict(plain.messages[0]["headers"])[b"etag"] == headers[b"etag"]
        assert plain.asked == short.asked
    assert {"create_customer", "update_customer", "replace_product", "place_order", "put_item", "clear_cart"} <= kept
    assert {"login", "register", "put_webhook"} <= not_kept  # their responses have what no GET shows


async def test_an_error_is_told_whole(http: AsyncClient, admin: dict[str, str]) -> None:
    headers = {**admin, **MINIMAL}
    problem(await http.patch("/v1/customers/ALFKI", json={"city": "x"}, headers=headers), 428, "if_match_required")


async def test_a_read_ignores_it(http: AsyncClient) -> None:
    response = await http.get("/v1/products/1", headers=MINIMAL)
    assert (200, "Chai") == (response.status_code, response.json()["product_name"])


async def test_the_document_says_who_keeps_it(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    change, creation = paths["/v1/customers/{customer_id}"]["patch"], paths["/v1/customers"]["post"]
    for operation in (change, creation):
        assert "Prefer" in {parameter["name"] for parameter in operation["parameters"]}
    assert "return=minimal" == change["responses"]["204"]["x-preference"]
    assert "204" not in creation["responses"]
