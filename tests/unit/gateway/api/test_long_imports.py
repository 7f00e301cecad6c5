"""Imports of many rows: they go in groups, a failure is seen, and no body is read without end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from contracts.customers_import import MOST_ROWS, ImportRows, RowsImported
from gateway.settings import IMPORTS, GatewaySettings
from mesh.core.errors import Unavailable
from mesh.security.verifier import LEEWAY
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from subjects import CUSTOMERS_IMPORT_ROWS
from tests.support.gateway.applications import application
from tests.support.gateway.imports import CSV, HEADER, PATH, created, lines, many
from tests.support.gateway.tokens import bearer
from tests.support.gateway.world import World
from tests.support.http.problems import problem

Headers = dict[str, str]


@pytest.fixture(autouse=True)
def service(world: World) -> None:
    """A service that creates everything."""
    world.replies[CUSTOMERS_IMPORT_ROWS] = created


async def test_many_rows_go_in_groups_each_under_a_key_of_its_own(
    http: AsyncClient, world: World, admin: Headers
) -> None:
    seen: list[Message] = []
    await MemoryTransport(world.broker).subscribe(CUSTOMERS_IMPORT_ROWS.subject, seen.append)

    async def import_it(headers: Headers) -> list[str | None]:
        seen.clear()
        response = await http.post(PATH, content=many(2 * MOST_ROWS + 1), headers={**admin, **CSV, **headers})
        assert [*range(2, 2 * MOST_ROWS + 3)] == [one["line"] for one in lines(response)[:-1]]
        return [message.headers.get("Idempotency-Key") for message in seen]

    first, again, other = [await import_it({"Idempotency-Key": one}) for one in ("a", "a", "b")]
    without = await import_it({})

    assert [MOST_ROWS, MOST_ROWS, 1] * 4 == [len(seen.sent["rows"]) for seen in world.asked]
    assert (3, first) == (len(set(first)), again)
    assert 9 == len({*first, *other, *without})


async def test_a_service_that_fails_at_the_start_is_503(http: AsyncClient, world: World, admin: Headers) -> None:
    world.fails[CUSTOMERS_IMPORT_ROWS] = Unavailable("database_unavailable", "no database")
    problem(await http.post(PATH, content=many(1), headers={**admin, **CSV}), 503, "database_unavailable")


def fails_from(group: int, world: World) -> None:
    def answer(request: ImportRows) -> RowsImported:
        if len(world.asked) >= group:
            raise Unavailable("database_unavailable", "no database")
        return created(request)

    world.replies[CUSTOMERS_IMPORT_ROWS] = answer


async def test_a_service_that_fails_later_leaves_a_last_line_that_says_where(
    http: AsyncClient, world: World, admin: Headers
) -> None:
    fails_from(3, world)

    response = await http.post(PATH, content=many(3 * MOST_ROWS), headers={**admin, **CSV})

    *rows, last = lines(response)
    assert (2 * MOST_ROWS, 2 * MOST_ROWS) == (len(rows), last["created"])
    assert 2 * MOST_ROWS + 2 == last["incomplete"]["from_line"]
    assert ("database_unavailable", response.headers["x-request-id"]) == (
        last["incomplete"]["problem"]["reason"],
        last["incomplete"]["problem"]["request_id"],
    )


async def test_a_body_that_is_malformed_later_leaves_such_a_line_too(
    http: AsyncClient, world: World, admin: Headers
) -> None:
    body = many(MOST_ROWS + 2) + '"'

    *rows, last = lines(await http.post(PATH, content=body, headers={**admin, **CSV}))

    assert (MOST_ROWS, MOST_ROWS) == (len(rows), len(world.asked[0].sent["rows"]))
    assert (MOST_ROWS + 2, "malformed_csv") == (
        last["incomplete"]["from_line"],
        last["incomplete"]["problem"]["reason"],
    )


async def test_a_service_that_answers_other_rows_is_not_believed(
    http: AsyncClient, world: World, admin: Headers
) -> None:
    world.replies[CUSTOMERS_IMPORT_ROWS] = lambda _: RowsImported(rows=())
    problem(await http.post(PATH, content=many(1), headers={**admin, **CSV}), 502, "bad_reply")


def test_the_route_is_the_one_with_the_larger_limit(app: FastAPI) -> None:
    assert {PATH} == IMPORTS
    assert "post" in app.openapi()["paths"][PATH]


LIMITS = GatewaySettings(gateway_max_body=100, gateway_max_import=20_000, gateway_timeout=1, gateway_import_timeout=3)


@pytest.fixture
async def limited(transport: MemoryTransport) -> AsyncIterator[AsyncClient]:
    """A gateway with tight limits."""
    asgi = ASGITransport(application(LIMITS, transport))
    async with AsyncClient(transport=asgi, base_url="http://gateway.test") as client:
        yield client


async def pieces(parts: Sequence[str], pause: float = 0.0) -> AsyncIterator[bytes]:
    for part in parts:
        yield part.encode()
        await asyncio.sleep(pause)


async def test_a_body_may_be_longer_than_that_of_other_routes(limited: AsyncClient, admin: Headers) -> None:
    body = many(800)
    assert LIMITS.gateway_max_body < len(body) < LIMITS.gateway_max_import
    assert 800 == lines(await limited.post(PATH, content=body, headers={**admin, **CSV}))[-1]["created"]
    problem(await limited.post("/v1/customers", content=body, headers={**admin, **CSV}), 413, "body_too_large")


async def test_a_body_over_the_limit_of_imports_is_refused_unread_or_where_it_is_reached(
    limited: AsyncClient, admin: Headers
) -> None:
    body = many(2000)
    problem(await limited.post(PATH, content=body, headers={**admin, **CSV}), 413, "body_too_large")

    last = lines(await limited.post(PATH, content=pieces([body[:900], *[body[900:]] * 9]), headers={**admin, **CSV}))[
        -1
    ]

    assert "body_too_large" == last["incomplete"]["problem"]["reason"]


async def test_a_body_that_stops_is_not_waited_for(limited: AsyncClient, admin: Headers) -> None:
    stopping = pieces([HEADER, "NEWCO,"], pause=5)
    problem(await limited.post(PATH, content=stopping, headers={**admin, **CSV}), 408, "request_timeout")


async def test_a_body_that_never_ends_is_not_read_without_end(limited: AsyncClient, admin: Headers) -> None:
    dripping = pieces([many(MOST_ROWS), *["\r\n"] * 1000], pause=0.1)
    last = lines(await limited.post(PATH, content=dripping, headers={**admin, **CSV}))[-1]
    assert (MOST_ROWS, "request_timeout") == (last["created"], last["incomplete"]["problem"]["reason"])


async def test_a_token_that_expires_during_an_import_ends_it(http: AsyncClient, world: World) -> None:
    first, last_row = many(MOST_ROWS), "LASTX,Last,,,\r\n"
    ends = int(time.time()) + 2

    async def body() -> AsyncIterator[bytes]:
        yield first.encode()
        while time.time() <= ends:
            yield b"\r\n"
            await asyncio.sleep(0.05)
        yield last_row.encode()

    headers = {**bearer("ADMIN", exp=ends - LEEWAY), **CSV}
    *rows, last = lines(await http.post(PATH, content=body(), headers=headers))

    assert (MOST_ROWS, 1) == (len(rows), len(world.asked))
    assert "token_expired" == last["incomplete"]["problem"]["reason"]


@pytest.mark.parametrize("body", ["customer_id\n" + "x\n" * 30_000, "\n" * 300_000])
async def test_rows_that_ask_no_service_leave_other_requests_their_turn(
    http: AsyncClient, admin: Headers, body: str
) -> None:
    """In one piece, which the gateway could read without a pause."""
    importing = asyncio.create_task(http.post(PATH, content=body, headers={**admin, **CSV}))
    turns = 0
    while not importing.done():
        await asyncio.sleep(0)
        turns += 1
    assert importing.result().status_code in {200, 422}
    assert turns > len(body) / 4096


async def test_rows_that_ask_no_service_have_no_more_time_than_others(
    transport: MemoryTransport, admin: Headers
) -> None:
    asgi = ASGITransport(application(GatewaySettings(gateway_import_timeout=0.2), transport))
    async with AsyncClient(transport=asgi, base_url="http://gateway.test") as client:
        body = "customer_id\n" + "x\n" * 100_000
        last = lines(await client.post(PATH, content=body, headers={**admin, **CSV}))[-1]
    assert "deadline_exceeded" == last["incomplete"]["problem"]["reason"]
    assert 0 < last["refused"] == last["incomplete"]["from_line"] - 2 < 100_000
