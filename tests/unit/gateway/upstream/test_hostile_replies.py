"""Fields of a reply that become headers: what a worker may not write into them."""

import json
from typing import Any

import pytest
from httpx2 import AsyncClient

from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from tests.support.gateway.resources import ALFKI, CHAI
from tests.support.gateway.world import World
from tests.support.http.problems import problem

NEW_CUSTOMER = {"customer_id": "ALFKI", "company_name": "Alfreds Futterkiste"}
NEW_PRODUCT = {"product_name": "Chai", "unit_price": "18.00"}
VERSIONS: list[object] = [-1, 0, 2**31, int("9" * 400), "3\r\nSet-Cookie: a=b", "\u0663", None, True, 1.5, [], '"']
IDS: list[object] = [
    "",
    "ALFKI\r\nSet-Cookie: a=b",
    "ALFK\n",
    "ALFKI\n",
    "ÄLFKI",
    "\u0410LFKI",
    "../..",
    "A" * 5000,
    None,
    7,
    [],
]
NUMBERS: list[object] = [*VERSIONS, "../1"]


class Hostile:
    """In the place of one subject's worker."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.document: dict[str, Any] = {}

    async def take(self, subject: str) -> None:
        """Answer it, and nobody else."""
        await self._world.stop(subject.partition(".")[0])
        await MemoryTransport(self._world.broker, "hostile").subscribe(subject, self._answer, "q")

    def _answer(self, message: Message) -> None:
        self._world.broker.route(Message(message.reply, json.dumps(self.document).encode()))


@pytest.fixture
def hostile(world: World) -> Hostile:
    return Hostile(world)


@pytest.mark.parametrize("customer_id", IDS)
async def test_a_customer_id_that_is_none_is_no_location(
    http: AsyncClient, admin: dict[str, str], hostile: Hostile, customer_id: object
) -> None:
    await hostile.take("customers.create")
    hostile.document = {**ALFKI.model_dump(mode="json"), "customer_id": customer_id}
    answer = await http.post("/v1/customers", json=NEW_CUSTOMER, headers=admin)
    problem(answer, 502, "bad_reply")
    assert set() == {"location", "etag", "set-cookie"} & set(answer.headers)


@pytest.mark.parametrize("product_id", NUMBERS)
async def test_a_product_id_that_is_none_is_no_location(
    http: AsyncClient, admin: dict[str, str], hostile: Hostile, product_id: object
) -> None:
    await hostile.take("products.create")
    hostile.document = {**CHAI.model_dump(mode="json"), "product_id": product_id}
    answer = await http.post("/v1/products", json=NEW_PRODUCT, headers=admin)
    if product_id is True:
        assert "/v1/products/1" == answer.headers["location"], "pydantic reads it as 1, which harms nobody"
        return
    problem(answer, 502, "bad_reply")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("service", ["customers", "products"])
async def test_a_version_that_is_none_is_no_etag(
    http: AsyncClient, user: dict[str, str], hostile: Hostile, service: str, version: object
) -> None:
    await hostile.take(f"{service}.get")
    row, path = (ALFKI, "/v1/customers/ALFKI") if service == "customers" else (CHAI, "/v1/products/1")
    hostile.document = {**row.model_dump(mode="json"), "version": version}
    answer = await http.get(path, headers=user)
    if version is True:
        assert '"1"' == answer.headers["etag"]
        return
    problem(answer, 502, "bad_reply")
    assert "etag" not in answer.headers


async def test_a_page_of_more_than_a_page_holds_is_502(http: AsyncClient, hostile: Hostile) -> None:
    await hostile.take("products.list")
    row = CHAI.model_dump(mode="json")
    hostile.document = {"items": [row] * 200, "next_cursor": None}
    assert 200 == len((await http.get("/v1/products?limit=1")).json()["items"])
    hostile.document = {"items": [row] * 201, "next_cursor": None}
    problem(await http.get("/v1/products?limit=1"), 502, "bad_reply")
