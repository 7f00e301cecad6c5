"""Every list links to its pages (RFC 8288)."""

import re
from collections.abc import Mapping
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI, Request
from httpx2 import AsyncClient, Response

from contracts.customers import CustomerPage as Page
from gateway.api.customers.schemas import CustomerPage
from gateway.routing.declarations import api_routes
from gateway.routing.paging import linked
from gateway.semantics.page_links import page_links
from subjects import CUSTOMERS_LIST
from tests.support.gateway.requests_of_all_kinds import fitting
from tests.support.gateway.resources import ALFKI
from tests.support.gateway.two_ways import Both
from tests.support.gateway.world import World

_LINK = re.compile(r'<([^>]*)>; rel="(\w+)"')


def links(response: Response) -> Mapping[str, str]:
    """The targets by relation."""
    return {relation: target for target, relation in _LINK.findall(response.headers["link"])}


async def test_a_page_links_to_the_next_with_the_same_query(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    query = "/v1/customers?country=&city=S%C3%A3o+Paulo&q=a%26b&cursor=YWJj&limit=2"
    response = await http.get(query, headers=user)
    same = "/v1/customers?city=S%C3%A3o+Paulo&q=a%26b&limit=2"
    assert {"first": same, "next": f"{same}&cursor=bmV4dA"} == links(response)
    await http.get(urljoin(str(response.url), links(response)["next"]), headers=user)
    assert {"city": "São Paulo", "q": "a&b", "limit": 2, "cursor": "bmV4dA"} == world.last.sent


async def test_the_last_page_has_no_next_one(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.replies[CUSTOMERS_LIST] = Page(items=(ALFKI,), next_cursor=None)
    assert {"first": "/v1/customers"} == links(await http.get("/v1/customers", headers=user))
    assert {"first": "/v1/customers"} == links(await http.head("/v1/customers", headers=user))


async def test_every_list_has_links_and_says_so(app: FastAPI) -> None:
    both, document = Both(), app.openapi()
    asked = fitting(app)
    lists = set()
    for route in api_routes(app):
        fields = getattr(route.response_model, "model_fields", {})
        if "next_cursor" not in fields:
            continue
        lists.add(route.path)
        answer = await both.same(asked[route.name])
        assert 'rel="first"' in dict(answer.messages[0]["headers"])[b"link"].decode(), route.path
        assert "Link" in document["paths"][route.path]["get"]["responses"]["200"]["headers"]
    assert {"/v1/customers", "/v1/customers/{customer_id}/orders", "/v1/audit", "/v1/categories"} <= lists


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Page(items=(ALFKI,), next_cursor=None, total=91), {"x-total-count": "91"}),
        (
            Page(items=(ALFKI,), next_cursor=None, total=12345, total_estimated=True),
            {"x-total-count": "12345", "x-total-count-estimated": "true"},
        ),
        (Page(items=(ALFKI,), next_cursor=None), {}),
    ],
)
async def test_a_total_is_in_headers(
    http: AsyncClient, world: World, user: dict[str, str], page: Page, expected: dict[str, str]
) -> None:
    world.replies[CUSTOMERS_LIST] = page

    response = await http.get("/v1/customers?count=true", headers=user)

    assert {"count": True} == world.last.sent
    assert expected == {name: value for name, value in response.headers.items() if name.startswith("x-total")}
    assert {"items", "next_cursor"} == response.json().keys()


async def test_lists_that_are_counted_say_so(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    counted = {
        path
        for path, one in paths.items()
        if "X-Total-Count" in one.get("get", {}).get("responses", {}).get("200", {}).get("headers", {})
    }

    assert {"/v1/customers", "/v1/products", "/v1/orders", "/v1/customers/{customer_id}/orders"} == counted


async def test_an_error_and_a_single_resource_have_none(http: AsyncClient, user: dict[str, str]) -> None:
    for path in ("/v1/customers?limit=0", "/v1/customers/ALFKI"):
        assert "link" not in (await http.get(path, headers=user)).headers


@pytest.mark.parametrize("path", ['/a>; rel="x"', "/ä", "/a\r\nb", "/a?b"])
def test_a_path_cannot_end_its_link(path: str) -> None:
    value = page_links(path, b"", None)
    assert re.fullmatch(r'<[/%a-zA-Z0-9]+>; rel="first"', value.replace("-", ""))


def test_a_list_that_takes_its_request_itself_is_refused() -> None:
    async def list_customers(request: Request) -> CustomerPage:
        raise NotImplementedError(request)

    with pytest.raises(RuntimeError, match="list_customers is a list"):
        linked(list_customers)
