"""`/` and `/v1/problems`: as JSON for programs, as HTML for people."""

import re
from typing import Final

import pytest
from httpx2 import AsyncClient

from gateway.api.about.pages import problem_page
from gateway.api.about.schemas import ProblemType
from gateway.semantics.problem_types import problem_types, type_of
from mesh.core.errors import Code, NotFound
from subjects import PRODUCTS_GET
from tests.support.gateway.world import World
from tests.support.http.problems import problem

HTML: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS: Final = ("/", "/v1/problems", "/v1/problems/version_mismatch")


async def test_the_index_links_to_what_is_there(http: AsyncClient) -> None:
    index = (await http.get("/")).json()
    assert "Northwind mesh" == index["name"]
    assert {"service-doc", "service-desc", "problems", "status"} == {link["rel"] for link in index["links"]}
    for link in index["links"]:
        assert (await http.get(link["href"])).status_code in {200, 503}


async def test_the_page_of_the_index_has_the_same_links(http: AsyncClient) -> None:
    index, page = (await http.get("/")).json(), (await http.get("/", headers=HTML)).text
    assert [link["href"] for link in index["links"]] == re.findall('href="([^"]+)"', page)


@pytest.mark.parametrize("path", PATHS)
async def test_a_representation_has_its_own_etag(http: AsyncClient, path: str) -> None:
    found = [await http.get(path, headers=headers) for headers in ({}, HTML)]
    types = ["application/json", "text/html; charset=utf-8"]
    assert types == [response.headers["content-type"] for response in found]
    assert 2 == len({response.headers["etag"] for response in found})
    for response, headers in zip(found, ({}, HTML), strict=True):
        assert "Accept" in response.headers["vary"]
        again = await http.get(path, headers={**headers, "If-None-Match": response.headers["etag"]})
        assert (304, b"") == (again.status_code, again.content)


async def test_the_list_has_every_type_as_its_own_page_has_it(http: AsyncClient) -> None:
    items = (await http.get("/v1/problems")).json()["items"]
    assert list(problem_types()) == [item["reason"] for item in items]
    page = (await http.get("/v1/problems", headers=HTML)).text
    for item in items:
        assert item == (await http.get(item["type"])).json()
        assert f'href="{item["type"]}"' in page


async def test_a_type_says_what_to_do(http: AsyncClient) -> None:
    expected = {
        "type": "/v1/problems/if_match_required",
        "reason": "if_match_required",
        "status": 428,
        "retryable": False,
        "meaning": "A change requires `If-Match` with the ETag of the version to change.",
        "what_to_do": "Read the resource, and send its `ETag` as `If-Match`.",
    }
    assert expected == (await http.get("/v1/problems/if_match_required")).json()
    page = (await http.get("/v1/problems/if_match_required", headers=HTML)).text
    assert "send its <code>ETag</code> as <code>If-Match</code>." in page


async def test_an_unknown_reason_is_404(http: AsyncClient) -> None:
    problem(await http.get("/v1/problems/nothing_of_ours"), 404, "unknown_path")


async def test_the_type_of_a_problem_leads_to_its_page(http: AsyncClient, world: World) -> None:
    world.fails[PRODUCTS_GET] = NotFound("product_not_found", "there is no product 1")
    for path, status, reason in (
        ("/v1/products/1", 404, "product_not_found"),
        ("/nothing", 404, "unknown_path"),
        ("/v1/customers", 401, "token_required"),
        ("/v1/products?limit=0", 422, "invalid_request"),
    ):
        said = problem(await http.get(path), status, reason)
        page = (await http.get(said.type)).json()
        assert (reason, status, said.retryable) == (page["reason"], page["status"], page["retryable"])


@pytest.mark.parametrize("code", Code)
async def test_a_reason_that_only_a_newer_worker_knows_has_the_type_of_its_code(http: AsyncClient, code: Code) -> None:
    path = type_of("newer_reason", code)
    assert code == (await http.get(path)).json()["reason"]


def test_a_text_cannot_bring_html_along() -> None:
    evil = ProblemType(type="/", reason="<b>", status=400, retryable=False, meaning="<i>`<u>`", what_to_do="&")
    page = problem_page(evil)
    assert [] == re.findall("<[biu]>", page)
    assert "&lt;i&gt;<code>&lt;u&gt;</code>" in page
