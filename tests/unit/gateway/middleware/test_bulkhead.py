import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.middleware.bulkhead import Bulkhead
from gateway.middleware.request_context import RequestContext


class Application:
    """Answers when it is told to, one request at a time."""

    def __init__(self) -> None:
        self.inside = 0
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/login":
            try:
                await Request(scope, receive).body()
            except HTTPException as error:
                await PlainTextResponse("busy", error.status_code)(scope, receive, send)
                return
            self.inside += 1
            try:
                await self.gate.acquire()
            finally:
                self.inside -= 1
        await PlainTextResponse("ok")(scope, receive, send)


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
async def http(application: Application) -> AsyncIterator[AsyncClient]:
    bulkhead = Bulkhead(application, {"/login"}, at_once=2, waiting=3)
    transport = ASGITransport(RequestContext(bulkhead, timeout=0.4))
    async with AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client


async def settled() -> None:
    """Let everything go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_so_many_go_through_some_wait_and_the_rest_is_refused_at_once(
    http: AsyncClient, application: Application
) -> None:
    logins = [asyncio.create_task(http.post("/login")) for _ in range(7)]
    await settled()
    assert 2 == application.inside
    refused = [await login for login in logins[5:]]
    assert [503, 503] == [answer.status_code for answer in refused]
    assert 200 == (await http.get("/other")).status_code, "others do not wait"
    for _ in range(5):
        application.gate.release()
    assert [200] * 5 == [(await login).status_code for login in logins[:5]]


async def test_who_waits_too_long_is_refused_and_leaves_the_turn_to_others(
    http: AsyncClient, application: Application
) -> None:
    logins = [asyncio.create_task(http.post("/login")) for _ in range(5)]
    for login in logins[2:]:
        assert 503 == (await login).status_code
    later = [asyncio.create_task(http.post("/login")) for _ in range(3)]
    await settled()
    for _ in range(5):
        application.gate.release()
    assert [200] * 5 == [(await login).status_code for login in (*logins[:2], *later)]


async def test_who_goes_away_leaves_the_place_to_others(http: AsyncClient, application: Application) -> None:
    logins = [asyncio.create_task(http.post("/login")) for _ in range(5)]
    await settled()
    for gone in (logins[0], logins[2]):
        gone.cancel()
    await asyncio.wait([logins[0], logins[2]])
    later = [asyncio.create_task(http.post("/login")) for _ in range(2)]
    await settled()
    assert 2 == application.inside
    for _ in range(5):
        application.gate.release()
    assert [200] * 5 == [(await login).status_code for login in (logins[1], logins[3], logins[4], *later)]
    assert 0 == application.inside


async def test_who_dribbles_the_body_holds_no_place(http: AsyncClient, application: Application) -> None:
    there = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await there.wait()
        yield b"}"

    slow = [asyncio.create_task(http.post("/login", content=body())) for _ in range(9)]
    await settled()
    logins = [asyncio.create_task(http.post("/login")) for _ in range(2)]
    await settled()
    assert 2 == application.inside
    for _ in range(2):
        application.gate.release()
    assert [200, 200] == [(await login).status_code for login in logins]
    there.set()
    for one in slow:
        one.cancel()
    await asyncio.wait(slow)
