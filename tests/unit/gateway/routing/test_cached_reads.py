"""Public reads from the gateway's memory: what a client sees of it, and what it never sees."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from contracts.products import GetProduct, Product, ProductPage, ProductReason
from gateway.app import DROPPED_BY, build
from gateway.settings import GatewaySettings
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import NotFound
from mesh.transport.memory import MemoryTransport
from subjects import ENDPOINTS, EVENTS_PRODUCTS_CATEGORY_CHANGED, PRODUCTS_GET, PRODUCTS_LIST, PRODUCTS_UPDATE
from tests.support.gateway.resources import CHAI
from tests.support.gateway.world import World
from tests.support.waiting import until

CACHED = [endpoint for endpoint in ENDPOINTS if endpoint.cached]


@pytest.fixture
async def cached(world: World, transport: MemoryTransport) -> AsyncIterator[FastAPI]:
    app = build(GatewaySettings(), transport)
    async with app.state.dependencies.cache.listening():
        yield app


@pytest.fixture
async def http(cached: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(cached), base_url="http://gateway.test") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/v1/products", "/v1/products?limit=5&sort=-unit_price", "/v1/products/1", "/v1/categories"]
)
async def test_the_second_answer_is_the_first_with_its_age(world: World, http: AsyncClient, path: str) -> None:
    first, second = await http.get(path), await http.get(path)
    assert 1 == len(world.asked)
    assert (200, first.content) == (second.status_code, second.content)
    assert ("no-cache", None, "0") == (
        first.headers["cache-control"],
        first.headers.get("age"),
        second.headers["age"],
    )
    changing = {"age", "x-request-id"}
    assert {name: value for name, value in first.headers.items() if name not in changing} == {
        name: value for name, value in second.headers.items() if name not in changing
    }
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/products", "/v1/products/1"])
async def test_who_has_it_already_gets_a_304_from_memory(world: World, http: AsyncClient, path: str) -> None:
    etag = (await http.get(path)).headers["etag"]
    again = await http.get(path, headers={"If-None-Match": etag})
    other = await http.get(path, headers={"If-None-Match": '"other"'})
    assert (304, b"", etag, "0") == (again.status_code, again.content, again.headers["etag"], again.headers["age"])
    assert (200, 1) == (other.status_code, len(world.asked))


async def test_a_page_that_changes_has_another_etag(world: World, http: AsyncClient, cached: FastAPI) -> None:
    before = await http.get("/v1/products")
    world.replies[PRODUCTS_LIST] = ProductPage(items=(), next_cursor=None)
    cached.state.dependencies.cache.changed("products")
    after = await http.get("/v1/products", headers={"If-None-Match": before.headers["etag"]})
    assert (200, []) == (after.status_code, after.json()["items"])


async def test_head_and_compressed_copies_come_from_memory_too(world: World, http: AsyncClient) -> None:
    world.replies[PRODUCTS_LIST] = ProductPage(items=(CHAI,) * 20, next_cursor=None)
    plain = await http.get("/v1/products", headers={"Accept-Encoding": "identity"})
    head = await http.head("/v1/products", headers={"Accept-Encoding": "identity"})
    packed = await http.get("/v1/products", headers={"Accept-Encoding": "gzip"})
    assert 1 == len(world.asked)
    assert (200, plain.headers["content-length"], "0") == (
        head.status_code,
        head.headers["content-length"],
        head.headers["age"],
    )
    assert ("gzip", f"W/{plain.headers['etag']}") == (packed.headers["content-encoding"], packed.headers["etag"])
    assert plain.json() == packed.json()


async def test_a_response_is_compressed_once(world: World, http: AsyncClient, cached: FastAPI) -> None:
    world.replies[PRODUCTS_LIST] = ProductPage(items=(CHAI,) * 20, next_cursor=None)
    for _ in range(2):
        await http.get("/v1/products", headers={"Accept-Encoding": "gzip"})
    copies = cached.state.dependencies.cache.find(("/v1/products", b"")).copies
    assert [b"gzip"] == [*copies]
    copies[b"gzip"] = gzip.compress(b"from memory")
    packed = await http.get("/v1/products", headers={"Accept-Encoding": "gzip"})
    assert (b"from memory", str(len(copies[b"gzip"]))) == (packed.content, packed.headers["content-length"])


async def test_a_token_changes_nothing_about_what_anyone_may_read(world: World, http: AsyncClient) -> None:
    first = await http.get("/v1/products/1", headers={"Authorization": "Bearer nonsense"})
    second = await http.get("/v1/products/1", headers={"Authorization": "Bearer nonsense"})
    assert (200, 200, 1) == (first.status_code, second.status_code, len(world.asked))
    assert ["no-cache"] == second.headers.get_list("cache-control")


async def test_who_writes_reads_the_change_at_once(world: World, http: AsyncClient, admin: dict[str, str]) -> None:
    for path in ("/v1/products/1", "/v1/products"):
        await http.get(path)
    newer = CHAI.model_copy(update={"version": CHAI.version + 1})
    world.replies[PRODUCTS_GET] = newer
    world.replies[PRODUCTS_LIST] = ProductPage(items=(newer,), next_cursor=None)
    sent = {**admin, "If-Match": f'"{newer.version}"'}
    assert 200 == (await http.patch("/v1/products/1", json={"unit_price": "1"}, headers=sent)).status_code
    assert newer.version == (await http.get("/v1/products/1")).json()["version"]
    assert newer.version == (await http.get("/v1/products")).json()["items"][0]["version"]


async def test_a_write_that_failed_may_have_happened(world: World, http: AsyncClient, admin: dict[str, str]) -> None:
    etag = (await http.get("/v1/products/1")).headers["etag"]
    world.fails[PRODUCTS_UPDATE] = RuntimeError("the worker fails after the commit")
    failed = await http.patch("/v1/products/1", json={"unit_price": "1"}, headers={**admin, "If-Match": etag})
    assert failed.status_code >= 500
    asked = len(world.asked)
    await http.get("/v1/products/1")
    assert asked + 1 == len(world.asked)


async def test_an_event_drops_a_product_however_its_path_spells_it(
    world: World, http: AsyncClient, cached: FastAPI
) -> None:
    for _ in range(2):
        await http.get("/v1/products/001")
    assert 1 == len(world.asked)
    products = MemoryTransport(world.broker, "products")
    await products.publish(DROPPED_BY[0].subject, b'{"product_id":1,"version":2}', {"ce-subject": "1"})
    await until(lambda: len(cached.state.dependencies.cache) == 0)
    await http.get("/v1/products/001")
    assert 2 == len(world.asked)


async def test_an_event_drops_a_category_and_the_list_of_them(world: World, http: AsyncClient, cached: FastAPI) -> None:
    for path in ("/v1/categories", "/v1/categories/1", "/v1/categories/2") * 2:
        await http.get(path)
    assert 3 == len(world.asked)
    products = MemoryTransport(world.broker, "products")
    subject = EVENTS_PRODUCTS_CATEGORY_CHANGED.subject
    await products.publish(subject, b'{"category_id":1,"version":2}', {"ce-subject": "1"})
    await until(lambda: len(cached.state.dependencies.cache) == 1)
    await http.get("/v1/categories/2")
    assert 3 == len(world.asked)


async def test_what_is_refused_is_refused_again_and_not_kept(world: World, http: AsyncClient, cached: FastAPI) -> None:
    world.fails[PRODUCTS_GET] = NotFound(ProductReason.NOT_FOUND, "there is no product 1")
    for _ in range(2):
        for path, status in (("/v1/products/1", 404), ("/v1/products/x", 404), ("/v1/products?limit=x", 422)):
            assert status == (await http.get(path)).status_code
    assert (2, 0) == (len(world.asked), len(cached.state.dependencies.cache))


async def test_what_is_not_for_anyone_is_never_kept(
    world: World, http: AsyncClient, cached: FastAPI, admin: dict[str, str]
) -> None:
    for path in ("/v1/customers/ALFKI", "/v1/suppliers/1", "/v1/suppliers"):
        assert 200 == (await http.get(path, headers=admin)).status_code
        assert 401 == (await http.get(path)).status_code
    assert 0 == len(cached.state.dependencies.cache)


def test_each_cached_service_has_an_event_that_drops_it() -> None:
    assert {endpoint.service for endpoint in CACHED} == {event.service for event in DROPPED_BY}
    assert [True] * len(DROPPED_BY) == [event.durable for event in DROPPED_BY]


@pytest.mark.parametrize(
    "wrong",
    [{"access": Access.USER}, {"read": False}, {"idempotent": False}, {"verified": True}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_only_a_read_for_anyone_can_be_cached(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"access": Access.ANYONE, "read": True, "idempotent": True, "cached": True}
    assert Endpoint("products.get", GetProduct, Product, **right).cached
    with pytest.raises(ValueError, match=r"products\.get: only"):
        Endpoint("products.get", GetProduct, Product, **{**right, **wrong})
