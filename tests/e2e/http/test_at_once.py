"""What many clients ask for in the same moment."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from httpx2 import AsyncClient, Response

from tests.support.contract.givens import MARK, free_key
from tests.support.http.people import log_in, new_account, register
from tests.support.http.problems import problem

Headers = dict[str, str]
MANY = 12


def statuses(answers: Iterable[Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_of_many_creations_of_a_customer_one_succeeds(http: AsyncClient, admin: Headers) -> None:
    body = {"customer_id": free_key(), "company_name": MARK}

    answers = await asyncio.gather(*(http.post("/v1/customers", json=body, headers=admin) for _ in range(MANY)))

    assert {201: 1, 409: MANY - 1} == statuses(answers)


async def test_of_many_changes_to_a_version_one_succeeds(http: AsyncClient, admin: Headers) -> None:
    body = {"customer_id": free_key(), "company_name": MARK}
    path = (await http.post("/v1/customers", json=body, headers=admin)).headers["location"]
    version = {**admin, "If-Match": '"1"'}

    answers = await asyncio.gather(
        *(http.patch(path, json={"city": f"City {number}"}, headers=version) for number in range(MANY))
    )

    assert {200: 1, 412: MANY - 1} == statuses(answers)
    [changed] = [answer.json() for answer in answers if answer.status_code == 200]
    assert changed == (await http.get(path, headers=admin)).json()


async def test_of_many_registrations_of_an_address_one_succeeds(http: AsyncClient) -> None:
    email, password = new_account()

    answers = await asyncio.gather(
        *(http.post("/v1/auth/register", json={"email": email, "password": password}) for _ in range(MANY))
    )

    assert {201: 1, 409: MANY - 1} == statuses(answers)


async def test_of_many_trades_of_a_refresh_token_all_bring_the_same_successor(http: AsyncClient) -> None:
    tokens = await log_in(http, *await register(http))
    body = {"refresh_token": tokens["refresh_token"]}

    answers = await asyncio.gather(*(http.post("/v1/auth/refresh", json=body) for _ in range(MANY)))

    assert {200: MANY} == statuses(answers)
    assert 1 == len({answer.json()["refresh_token"] for answer in answers})


async def test_too_many_logins_are_429_and_others_are_answered_beside_them(http: AsyncClient) -> None:
    email, password = await register(http)
    body = {"email": email, "password": password}

    logins = [asyncio.create_task(http.post("/v1/auth/login", json=body)) for _ in range(90)]
    await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
    others = await asyncio.gather(http.get("/.well-known/jwks.json"), http.get("/v1/products/1"))
    answers = await asyncio.gather(*logins)

    assert {200, 429} == set(statuses(answers))
    assert {200} == set(statuses(others))
    for refused in (answer for answer in answers if answer.status_code == 429):
        assert problem(refused, 429, "too_many_logins").retryable
        assert 1 <= int(refused.headers["retry-after"]) <= 900
        assert f'"too_many_logins";r=0;t={refused.headers["retry-after"]}' == refused.headers["ratelimit"]


async def test_five_hundred_requests_at_once_are_all_answered(http: AsyncClient, user: Headers) -> None:
    paths = ("/v1/products?limit=20", "/v1/customers?q=a", "/v1/customers/ALFKI", "/v1/suppliers", "/v1/auth/me")

    answers = await asyncio.gather(*(http.get(paths[n % len(paths)], headers=user) for n in range(500)))

    assert {200: 500} == statuses(answers)
