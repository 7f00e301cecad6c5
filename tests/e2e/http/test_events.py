"""What happens to an order, as a client follows it."""

import asyncio
from contextlib import AsyncExitStack

from httpx2 import AsyncClient

from tests.support.http.event_stream import Headers, following, place
from tests.support.http.people import bearer, log_in, register
from tests.support.http.problems import problem


async def test_an_order_is_followed_by_its_user_and_administrators_and_by_nobody_else(
    http: AsyncClient, user: Headers, admin: Headers
) -> None:
    stranger = bearer(await log_in(http, *await register(http)))
    async with (
        following(http, user) as own,
        following(http, stranger) as others,
        following(http, admin) as everything,
    ):
        order_id = await place(http, user)
        await own.of(order_id, "orders.placed", "orders.confirmed")
        await everything.of(order_id, "orders.placed", "orders.confirmed")
        theirs = await place(http, stranger)
        event = await others.next()
        assert event is not None
        assert ("orders.placed", theirs) == (event[0], event[1]["order_id"])


async def test_whoever_resumes_misses_nothing_and_sees_nothing_twice(http: AsyncClient, user: Headers) -> None:
    async with following(http, user) as before:
        first = await place(http, user)
        await before.of(first, "orders.placed")
    second = await place(http, user, 31)
    await http.get(f"/v1/orders/{second}?wait=refused", headers=user)
    async with following(http, user, before.last_id) as after:
        seen = [await after.next() for _ in range(3)]
        third = await place(http, user)
        seen.append(await after.next())
    expected = {(first, "orders.confirmed"), (second, "orders.placed"), (second, "orders.refused")}
    assert [*expected, (third, "orders.placed")][-1] == (seen[-1][1]["order_id"], seen[-1][0])  # type: ignore[index]
    assert expected == {(event[1]["order_id"], event[0]) for event in seen[:-1] if event}


async def test_logging_out_ends_the_stream_and_it_does_not_begin_again(http: AsyncClient) -> None:
    tokens = await log_in(http, *await register(http))
    async with following(http, bearer(tokens)) as own:
        logged_out = await http.post("/v1/auth/logout", json={"refresh_token": tokens["refresh_token"]})
        assert 204 == logged_out.status_code
        assert await own.next() is None
    problem(await http.get("/v1/events", headers=bearer(tokens)), 401, "session_revoked")


async def test_more_streams_than_a_user_may_have_are_429(http: AsyncClient) -> None:
    headers = bearer(await log_in(http, *await register(http)))
    async with AsyncExitStack() as streams:
        for _ in range(6):
            await streams.enter_async_context(following(http, headers))
        refused = await http.get("/v1/events", headers=headers)
        problem(refused, 429, "too_many_streams_of_user")
        assert "5" == refused.headers["retry-after"]
    while (answer := await head_of(http, headers)) != 200:
        assert 429 == answer  # until the gateway has noticed
        await asyncio.sleep(0.01)


async def head_of(http: AsyncClient, headers: Headers) -> int:
    async with http.stream("GET", "/v1/events", headers=headers) as response:
        return response.status_code


async def test_a_wait_is_answered_as_soon_as_the_order_has_the_status(http: AsyncClient, user: Headers) -> None:
    order_id = await place(http, user)
    confirmed = await http.get(f"/v1/orders/{order_id}?wait=confirmed", headers=user)
    assert (200, "confirmed", '"2"') == (
        confirmed.status_code,
        confirmed.json()["status"],
        confirmed.headers["etag"],
    )
    waiting = asyncio.create_task(http.get(f"/v1/orders/{order_id}?wait=delivered", headers=user))
    await http.post(f"/v1/orders/{order_id}/cancel", headers=user)
    assert "cancelled" == (await waiting).json()["status"]
