"""Conditional requests against real workers: what is not met changes nothing, and of many at once one wins."""

import asyncio
from collections import Counter

import pytest
from httpx2 import AsyncClient

from tests.support.contract.givens import MARK, free_key
from tests.support.http.problems import problem

Headers = dict[str, str]
MANY = 12


async def create(http: AsyncClient, admin: Headers) -> str:
    body = {"customer_id": free_key(), "company_name": MARK}
    path: str = (await http.post("/v1/customers", json=body, headers=admin)).headers["location"]
    return path


@pytest.mark.parametrize(
    "condition",
    [
        {"If-None-Match": '"1"'},
        {"If-None-Match": "*"},
        {"If-None-Match": '"7", W/"1"'},
        {"If-Match": '"7"'},
        {"If-Match": '"7", "8"'},
        {"If-Match": 'W/"2"'},
        {"If-Match": '"1"', "If-None-Match": "*"},
    ],
    ids=str,
)
async def test_a_write_whose_condition_is_not_met_changes_nothing(
    http: AsyncClient, admin: Headers, condition: Headers
) -> None:
    path = await create(http, admin)
    before = (await http.get(path, headers=admin)).json()

    problem(await http.delete(path, headers={**admin, **condition}), 412, "version_mismatch")
    changed = await http.patch(path, json={"city": "Bonn"}, headers={**admin, **condition})
    assert 1 == problem(changed, 412, "version_mismatch").current_version
    assert '"1"' == changed.headers["etag"]

    assert before == (await http.get(path, headers=admin)).json()


async def test_of_many_changes_to_a_listed_version_one_succeeds(http: AsyncClient, admin: Headers) -> None:
    path = await create(http, admin)
    listed = {**admin, "If-Match": '"1", "7"'}

    answers = await asyncio.gather(
        *(http.patch(path, json={"city": f"City {number}"}, headers=listed) for number in range(MANY))
    )

    assert {200: 1, 412: MANY - 1} == Counter(answer.status_code for answer in answers)
    [changed] = [answer.json() for answer in answers if answer.status_code == 200]
    assert changed == (await http.get(path, headers=admin)).json()


async def test_a_product_is_not_discontinued_against_a_condition(http: AsyncClient, admin: Headers) -> None:
    new = await http.post("/v1/products", json={"product_name": MARK, "unit_price": "1"}, headers=admin)
    path = new.headers["location"]

    for condition in ({"If-None-Match": '"1"'}, {"If-Match": '"2", "3"'}):
        problem(await http.post(f"{path}/discontinue", headers={**admin, **condition}), 412, "version_mismatch")
    assert not (await http.get(path)).json()["discontinued"]

    ended = await http.post(f"{path}/discontinue", headers={**admin, "If-None-Match": '"2"'})
    assert (200, True) == (ended.status_code, ended.json()["discontinued"])


async def test_a_condition_on_nothing_that_is_there_is_404(http: AsyncClient, admin: Headers) -> None:
    path = f"/v1/customers/{free_key()}"

    for condition in ({"If-Match": '"1", "2"'}, {"If-Match": "*"}, {"If-Match": '"1"'}):
        problem(await http.delete(path, headers={**admin, **condition}), 404, "customer_not_found")
