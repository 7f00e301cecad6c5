import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from gateway.routing.declarations import api_routes, declared
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from tests.support.gateway.world import World
from tests.support.http.problems import problem

Headers = dict[str, str]
NEW = {"customer_id": "NEWCO", "company_name": "New"}


async def test_a_key_goes_to_the_worker(http: AsyncClient, world: World, admin: Headers) -> None:
    seen: list[Message] = []
    for subject in ("customers.create", "customers.get"):
        await MemoryTransport(world.broker).subscribe(subject, seen.append)

    await http.post("/v1/customers", json=NEW, headers={**admin, "Idempotency-Key": "a key"})
    await http.post("/v1/customers", json=NEW, headers=admin)
    await http.get("/v1/customers/ALFKI", headers={**admin, "Idempotency-Key": "a key"})

    assert ["a key", None, None] == [message.headers.get("Idempotency-Key") for message in seen]


@pytest.mark.parametrize("key", [b"", b"x" * 256, "é".encode(), b"tab\there"])
async def test_a_key_that_does_not_fit_is_422_and_nothing_is_asked(
    http: AsyncClient, world: World, admin: Headers, key: bytes
) -> None:
    sent = [*((name.encode(), value.encode()) for name, value in admin.items()), (b"Idempotency-Key", key)]

    said = problem(await http.post("/v1/customers", json=NEW, headers=sent), 422, "invalid_request")

    assert ["Idempotency-Key"] == [error.field for error in said.errors]
    assert [] == world.asked


async def test_who_may_not_write_hears_that_first(http: AsyncClient, user: Headers) -> None:
    sent = {**user, "Idempotency-Key": "x" * 256}

    problem(await http.post("/v1/customers", json=NEW, headers=sent), 403, "role_required")


async def test_openapi_has_the_header_where_keys_are_kept_and_the_conflict(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for route in api_routes(app):
        if (endpoint := declared(route)) is None:
            continue
        operation = paths[route.path][min(route.methods or ()).lower()]
        parameters = [one for one in operation.get("parameters", []) if one["name"] == "Idempotency-Key"]
        assert ([("header", False)] if endpoint.keyed else []) == [(one["in"], one["required"]) for one in parameters]
        assert not endpoint.keyed or "409" in operation["responses"], route.name
