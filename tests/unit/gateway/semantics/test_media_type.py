"""What a body may be said to be."""

import time
from typing import Final

import pytest
from httpx2 import AsyncClient

from gateway.semantics.media_type import unsupported
from tests.support.gateway.world import World
from tests.support.http.problems import problem

NEW: Final = b'{"customer_id":"ALFKI","company_name":"Alfreds Futterkiste"}'
CHANGE: Final = b'{"city":"Potsdam"}'

TAKEN: Final = (
    "application/json",
    "APPLICATION/JSON",
    "application/json;charset=utf-8",
    'application/json ; Charset="UTF-8"',
    "application/json; charset=utf8; profile=x",
    'application/json; profile="a;charset=latin-1\\""',
    "application/json;",
    "application/vnd.northwind.customer+json",
    "application/ld+json; charset=utf-8",
)
REFUSED: Final = (
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-8",
    "application/json; charset=",
    "application/json; charset",
    "application/json charset=utf-8",
    'application/json; profile="x',
    "application/json, application/json",
    "application/jsonx",
    "application/x+jsonp",
    "application/json-seq",
    "application/xml",
    "application/+xml",
    "text/json",
    "text/x+json",
    "image/x+json",
    "application",
    "application/",
    "/json",
    "*/*",
    "application/json/x",
)


@pytest.mark.parametrize("content_type", TAKEN)
async def test_json_is_taken_by_each_of_its_names(http: AsyncClient, admin: dict[str, str], content_type: str) -> None:
    headers = {**admin, "Content-Type": content_type, "If-Match": '"3"'}
    response = await http.patch("/v1/customers/ALFKI", content=CHANGE, headers=headers)
    assert 200 == response.status_code, response.text
    del headers["If-Match"]
    assert 201 == (await http.post("/v1/customers", content=NEW, headers=headers)).status_code


@pytest.mark.parametrize("content_type", REFUSED)
async def test_what_is_no_json_in_utf_8_is_415(
    http: AsyncClient, world: World, admin: dict[str, str], content_type: str
) -> None:
    headers = {**admin, "Content-Type": content_type, "If-Match": '"3"'}
    for method, path, body in (("PATCH", "/v1/customers/ALFKI", CHANGE), ("POST", "/v1/customers", NEW)):
        response = await http.request(method, path, content=body, headers=headers)
        problem(response, 415, "unsupported_media_type")
        assert "application/json, application/*+json" == response.headers["accept"]
        patch = "application/merge-patch+json, application/json" if method == "PATCH" else None
        assert patch == response.headers.get("accept-patch")
    assert [] == [seen for seen in world.asked if seen.endpoint.subject.startswith("customers.")]


async def test_a_change_is_a_merge_patch(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    headers = {**admin, "Content-Type": "application/merge-patch+json", "If-Match": '"3"'}
    body = b'{"city":"Potsdam","fax":null}'
    assert 200 == (await http.patch("/v1/customers/ALFKI", content=body, headers=headers)).status_code
    assert {"city": "Potsdam", "fax": None} == world.last.sent["patch"]
    del headers["If-Match"]
    said = problem(await http.post("/v1/customers", content=NEW, headers=headers), 415, "unsupported_media_type")
    assert "a merge patch requires PATCH" == said.detail


@pytest.mark.parametrize("content_type", ["application/json-patch+json", "Application/JSON-Patch+JSON; charset=utf-8"])
@pytest.mark.parametrize("body", [b'[{"op":"replace","path":"/city","value":"Potsdam"}]', CHANGE])
async def test_a_json_patch_is_refused_by_its_name(
    http: AsyncClient, admin: dict[str, str], content_type: str, body: bytes
) -> None:
    headers = {**admin, "Content-Type": content_type, "If-Match": '"3"'}
    response = await http.patch("/v1/customers/ALFKI", content=body, headers=headers)
    assert "JSON Patch" in problem(response, 415, "unsupported_media_type").detail
    assert "application/merge-patch+json, application/json" == response.headers["accept-patch"]


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, gzip", "x", "deflate, gzip"])
async def test_a_body_that_is_said_to_be_compressed_is_415(
    http: AsyncClient, admin: dict[str, str], coding: str
) -> None:
    headers = {**admin, "Content-Type": "application/json", "Content-Encoding": coding}
    response = await http.post("/v1/customers", content=NEW, headers=headers)
    problem(response, 415, "unsupported_content_encoding")
    assert "identity" == response.headers["accept-encoding"]
    assert "accept" not in response.headers


async def test_a_coding_in_the_second_line_is_seen(http: AsyncClient, admin: dict[str, str]) -> None:
    for codings in (("identity", "gzip"), ("gzip", "identity")):
        lines = [("Content-Encoding", coding) for coding in codings]
        headers = [*admin.items(), ("Content-Type", "application/json"), *lines]
        problem(await http.post("/v1/customers", content=NEW, headers=headers), 415, "unsupported_content_encoding")


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
async def test_a_body_as_it_is_is_taken(http: AsyncClient, admin: dict[str, str], coding: str) -> None:
    headers = {**admin, "Content-Type": "application/json", "Content-Encoding": coding}
    assert 201 == (await http.post("/v1/customers", content=NEW, headers=headers)).status_code


@pytest.mark.parametrize("second", ["application/json", "text/plain"])
async def test_a_type_in_two_lines_is_415(http: AsyncClient, admin: dict[str, str], second: str) -> None:
    headers = [*admin.items(), ("Content-Type", "application/json"), ("Content-Type", second)]
    problem(await http.post("/v1/customers", content=NEW, headers=headers), 415, "unsupported_media_type")


async def test_who_may_not_write_hears_that_first(http: AsyncClient, user: dict[str, str]) -> None:
    for odd in ({"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
        problem(await http.post("/v1/customers", content=NEW, headers=odd), 401, "token_required")
        problem(await http.post("/v1/customers", content=NEW, headers={**user, **odd}), 403, "role_required")


async def test_no_body_needs_no_type(http: AsyncClient, admin: dict[str, str]) -> None:
    odd = {**admin, "Content-Type": "text/plain", "Content-Encoding": "gzip"}
    assert 204 == (await http.post("/v1/auth/logout", headers=odd)).status_code
    assert 204 == (await http.post("/v1/auth/logout", content=b"", headers=odd)).status_code


@pytest.mark.parametrize(
    "value",
    [b"a/b" + b"; " * 16_000 + b"x", b"a/b" + b" ;\t" * 10_000, b"a/b;x=" + b'"' * 32_000, b" " * 32_000 + b"/"],
)
def test_a_long_type_takes_no_time(value: bytes) -> None:
    started = time.process_time()
    assert unsupported([(b"content-type", value)], "POST")
    assert time.process_time() - started < 0.5
