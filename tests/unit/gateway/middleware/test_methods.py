"""Methods on every path that there is: those of routes, of pages, of the document, and of files."""

import json
import re
from dataclasses import replace
from typing import Final

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from gateway.middleware.methods import routes
from gateway.routing.declarations import api_routes
from tests.support.gateway.requests_of_all_kinds import fitting
from tests.support.gateway.two_ways import Answer, Asked, Both
from tests.support.http.problems import problem

KNOWN: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT")
UNKNOWN: Final = ("FOO", "BREW", "PROPFIND", "M-SEARCH", "get", "Get", "QUERY", "GETS", "")
FILE: Final = "/static-offline-docs/favicon.png"


@pytest.fixture(scope="module")
async def both() -> Both:
    """Both ways, which have fetched what they verify tokens by."""
    made = Both()
    await made.same(fitting(made.long.app)["get_me"])
    return made


def paths(app: FastAPI) -> dict[str, set[str]]:
    """Each path that is answered, with an example for each parameter, and the methods that it declares."""
    examples = {route.path: fitting(app)[route.name].target for route in api_routes(app) if route.name in fitting(app)}
    found: dict[str, set[str]] = {}
    for route in routes(app):
        path = FILE if route.methods is None else examples.get(str(route.path), str(route.path))
        found.setdefault(path, set()).update(route.methods or {"GET"})
    for path, methods in found.items():  # a path may fit the pattern of another route too: /count is a {customer_id}
        for route in routes(app):
            if route.methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", str(route.path)), path):
                methods.update(route.methods)
    return found


def bare(method: str, path: str, query: bytes = b"", *headers: tuple[bytes, bytes]) -> Asked:
    """A request with nothing in it but what must be."""
    return Asked(method, path, query, ((b"host", b"gateway.test"), *headers))


def allowed(methods: set[str]) -> str:
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


def headers(answer: Answer) -> dict[bytes, bytes]:
    return dict(answer.messages[0]["headers"])


def content(answer: Answer) -> bytes:
    return b"".join(message["body"] for message in answer.messages[1:])


async def test_options_tells_the_methods_of_every_path(both: Both) -> None:
    found = paths(both.long.app)
    assert {"/v1/products", "/healthz", "/docs", "/openapi.json", FILE, "/v1/customers/ALFKI"} <= found.keys()
    for path, methods in found.items():
        answer = await both.same(bare("OPTIONS", path))
        assert (204, allowed(methods).encode()) == (answer.status, headers(answer)[b"allow"]), path
        assert ("PATCH" in methods) == (b"accept-patch" in headers(answer)), path
        assert b"content-length" not in headers(answer)


async def test_a_method_that_a_path_does_not_have_is_405_with_those_that_it_has(both: Both) -> None:
    for path, methods in paths(both.long.app).items():
        for method in KNOWN:
            if method in methods or (method == "HEAD" and "GET" in methods):
                continue
            answer = await both.same(bare(method, path))
            assert (405, allowed(methods).encode()) == (answer.status, headers(answer)[b"allow"]), (method, path)
            assert "method_not_allowed" == json.loads(content(answer))["reason"]


async def test_a_method_that_nobody_knows_is_501(both: Both) -> None:
    for path in (*paths(both.long.app), "/nothing", "*"):
        for method in UNKNOWN:
            answer = await both.same(bare(method, path))
            assert (501, "method_not_implemented") == (answer.status, json.loads(content(answer))["reason"]), path
            assert b"application/problem+json" == headers(answer)[b"content-type"]


async def test_head_is_answered_as_get_on_every_path(both: Both) -> None:
    examples = {asked.target: asked for asked in fitting(both.long.app).values() if asked.method == "GET"}
    answered = 0
    for path, methods in paths(both.long.app).items():
        if "GET" not in methods:
            continue
        for asked in (examples.get(path, bare("GET", path)), bare("GET", path), bare("GET", path, b"colour=red")):
            get = await both.same(asked)
            head = await both.same(replace(asked, method="HEAD"))
            assert (get.status, headers(get)) == (head.status, headers(head)), asked
            assert get.asked == head.asked
            assert get.logged == head.logged
            answered += 1
    assert answered > 20


async def test_options_of_the_server_tells_every_method(both: Both) -> None:
    answer = await both.same(bare("OPTIONS", "*"))
    assert (204, b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT") == (answer.status, headers(answer)[b"allow"])


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["/nothing", "/v1/products//", "/static-offline-docs", "//healthz", "/v1", "//"])
async def test_a_path_that_nobody_has_is_404_and_leads_nowhere_else(http: AsyncClient, method: str, path: str) -> None:
    response = await http.request(method, f"http://gateway.test{path}")
    problem(response, 404, "unknown_path")
    assert {"location", "allow"}.isdisjoint(response.headers)


async def test_a_slash_at_the_end_does_not_count(both: Both) -> None:
    for asked in [one for one in fitting(both.long.app).values() if one.target != "/"]:
        slashed = replace(asked, target=f"{asked.target}/")
        plain, same = await both.same(asked), await both.same(slashed)
        assert (plain.messages, plain.asked, plain.logged) == (same.messages, same.asked, same.logged), asked.target
    for path in ("/docs", "/openapi.json", FILE):
        assert 200 == (await both.same(bare("GET", f"{path}/"))).status


async def test_options_asks_nobody_and_wants_no_token(both: Both) -> None:
    answer = await both.same(bare("OPTIONS", "/v1/users"))
    assert (204, []) == (answer.status, answer.asked)


async def test_conditions_and_ranges_of_options_count_for_nothing(both: Both) -> None:
    odd = ((b"if-match", b'"1"'), (b"if-none-match", b"*"), (b"range", b"bytes=0-1"))
    assert 204 == (await both.same(bare("OPTIONS", "/v1/products/1", b"", *odd))).status
