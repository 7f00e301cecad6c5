"""The proof that the fast path is no second gateway: what it answers, FastAPI would have answered, byte for byte."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Annotated, Any, Final

import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Cookie, Depends, FastAPI, Query
from httpx2 import ASGITransport, AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices
from starlette.types import Message, Scope

from gateway.app import build
from gateway.routing.declarations import api_routes
from gateway.routing.fast_path.middleware import FastPath, routes
from gateway.routing.route import JsonRoute
from gateway.settings import GatewaySettings
from mesh.core.errors import Code, NoResponder, RemoteFault
from tests.support.gateway.requests_of_all_kinds import (
    BODIES,
    CONTENT_TYPES,
    HEADERS,
    METHODS,
    NUMBERS,
    QUERIES,
    SEGMENTS,
    fitting,
    variants,
)
from tests.support.gateway.two_ways import Answering, Asked, Both


@pytest.fixture(scope="module")
async def both() -> Both:
    return Both()


FITTING: Final = fitting(build(GatewaySettings(), Answering()))
NAMES: Final = sorted(FITTING)


@pytest.mark.parametrize("name", NAMES)
async def test_the_short_path_answers_as_fastapi_does(both: Both, name: str) -> None:
    statuses = {(await both.same(asked)).status for asked in variants(FITTING[name])}
    assert statuses >= {404, 405, 422}, "the variants are of every kind"
    assert statuses & {200, 201, 204} or name == "get_readiness"


texts = st.one_of(
    st.sampled_from([*SEGMENTS, *NUMBERS, "ALFKI", "1", "/", "discontinue"]), st.text("aA1%/\x00é€ ", max_size=8)
)
requests = st.builds(
    lambda asked, method, target, query, headers, media_type, body: replace(
        asked.with_body(*body).with_header(b"content-type", media_type),
        method=method or asked.method,
        target=target or asked.target,
        query=query,
        headers=(*asked.headers, *headers, (b"content-type", media_type)),
    ),
    st.sampled_from([FITTING[name] for name in NAMES]),
    st.one_of(st.none(), st.sampled_from(METHODS)),
    st.one_of(st.none(), st.lists(texts, max_size=4).map(lambda parts: "/".join(["", "v1", *parts]))),
    st.one_of(st.just(b""), st.lists(st.sampled_from(QUERIES), max_size=3).map(b"&".join), st.binary(max_size=20)),
    st.lists(st.sampled_from(HEADERS), max_size=3),
    st.sampled_from([b"application/json", *CONTENT_TYPES]),
    st.one_of(
        st.sampled_from([asked.body for asked in FITTING.values() if asked.body]),
        st.sampled_from(BODIES),
        st.binary(max_size=30).map(lambda body: (body,)),
    ),
)


async def test_whatever_else_is_asked_both_answer_the_same(both: Both) -> None:
    @settings(max_examples=300)
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        drawn.append(data.draw(requests))

    drawn: list[Asked] = []
    collect()
    for asked in drawn:
        await both.same(asked)


FAILURES: Final = (
    *(RemoteFault(code, "why", "…") for code in Code if code is not Code.OVERLOADED),
    RemoteFault(Code.CONFLICT, "version_mismatch", "the customer is in version 4"),
    ZeroDivisionError("s3cret"),
)


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
async def test_failures_are_told_in_the_same_words(both: Both, failure: Exception) -> None:
    both.long.services.failure = both.short.services.failure = failure
    try:
        for asked in FITTING.values():
            await both.same(asked)
            await both.same(asked.with_header(b"if-match", b'"3"'))
    finally:
        both.long.services.failure = both.short.services.failure = None


async def test_an_absent_service_is_told_in_the_same_words(both: Both) -> None:
    both.long.services.failure = both.short.services.failure = NoResponder("no worker serves auth.login")
    try:
        assert 503 == (await both.same(FITTING["login"])).status
    finally:
        both.long.services.failure = both.short.services.failure = None


def test_the_document_is_the_same(both: Both) -> None:
    assert both.long.app.openapi() == both.short.app.openapi()


def test_every_route_is_compiled(both: Both) -> None:
    ours = {route.name for route in api_routes(both.short.app) if isinstance(route, JsonRoute)}
    ours -= {"follow_events", "import_customers"}  # which do not answer with JSON
    assert ours == {route.name for route in routes(both.short.app) if route.compiled}
    assert ours | {"follow_events"} >= set(NAMES)


async def test_what_fits_never_reaches_fastapi(both: Both) -> None:
    async def fastapi(scope: Scope, *_: object) -> None:
        raise AssertionError(scope["path"])

    path = FastPath(fastapi, routes(both.short.app))
    for name, asked in FITTING.items():
        if name == "follow_events":
            continue
        sent: list[Message] = []

        async def receive(asked: Asked = asked) -> Message:
            return {"type": "http.request", "body": b"".join(part for part in asked.body if isinstance(part, bytes))}

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        await path({**asked.scope(), "app": both.short.app}, receive, send)
        assert sent[0]["status"] in {200, 201, 204, 401, 503}, asked.target


def depended_on() -> None:
    """Run in a thread."""


async def depends_on_another(_: Annotated[None, Depends(depended_on)]) -> None:
    """Have a dependency of its own."""


async def yields() -> AsyncIterator[None]:
    """Have something to do afterwards."""
    yield


def in_a_thread(name: str) -> str:
    return name


async def many(name: Annotated[list[str], Query()]) -> str:
    return ",".join(name)


async def by_another_name(name: Annotated[str, Query(validation_alias=AliasChoices("name", "n"))]) -> str:
    return name


async def from_a_cookie(name: str, session: Annotated[str, Cookie()] = "none") -> str:
    return name + session


async def later(name: str, tasks: BackgroundTasks) -> str:
    tasks.add_task(depended_on)
    return name


async def in_two_bodies(name: str, one: Annotated[str, Body()] = "", two: Annotated[str, Body()] = "") -> str:
    return name + one + two


async def depending(name: str, _: Annotated[None, Depends(depended_on)]) -> str:
    return name


async def depending_deeply(name: str, _: Annotated[None, Depends(depends_on_another)]) -> str:
    return name


async def depending_on_an_end(name: str, _: Annotated[None, Depends(yields)]) -> str:
    return name


BEYOND: Final = (
    in_a_thread,
    many,
    by_another_name,
    from_a_cookie,
    later,
    in_two_bodies,
    depending,
    depending_deeply,
    depending_on_an_end,
)


@pytest.mark.parametrize("function", BEYOND, ids=lambda function: function.__name__)
async def test_what_cannot_be_compiled_goes_the_long_way(function: Callable[..., Any]) -> None:
    app = FastAPI()
    router = APIRouter(route_class=JsonRoute)
    router.post("/greet")(function)
    app.include_router(router)
    compiled = tuple(routes(app))
    app.add_middleware(FastPath, routes=compiled)
    assert [None] == [route.compiled for route in compiled if route.name == function.__name__]
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:
        assert "Nancy" in (await http.post("/greet?name=Nancy")).text
