import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import AsyncClient

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.support.contract.callers import Wire
from tests.support.contract.givens import MARK, free_key
from tests.support.http.people import new_account
from tests.support.http.problems import problem

Headers = dict[str, str]


@pytest.fixture
def keyed(admin: Headers) -> Headers:
    """The administrator's headers, with a key that is new."""
    return {**admin, "Idempotency-Key": secrets.token_hex(16)}


@pytest.fixture
async def wire(stack: Stack) -> AsyncIterator[Wire]:
    """NATS past the gateway, as the one user who may send what changes something."""
    seed = load_credentials(stack.state.home).nats["gateway"]
    settings = {"nats_url": stack.state.nats_url, "nats_nkey_seed": seed}
    transport = await NatsTransport.connect(NatsSettings.model_validate(settings), "gateway")
    yield Wire({"gateway": transport})
    await transport.close()


async def over_nats(wire: Wire, keyed: Headers, subject: str, request: object) -> Any:  # noqa: ANN401  # any JSON
    token = keyed["Authorization"].removeprefix("Bearer ")
    body = json.dumps(request, indent=2).encode()
    return json.loads((await wire.send(subject, body, token, Idempotency_Key=keyed["Idempotency-Key"])).payload)


async def test_http_and_nats_share_a_key(http: AsyncClient, wire: Wire, keyed: Headers) -> None:
    new = {"product_name": MARK, "unit_price": "1.00"}

    first = await http.post("/v1/products", json=new, headers=keyed)
    again = await http.post("/v1/products", json=new, headers=keyed)
    over = await over_nats(wire, keyed, "products.create", {"unit_price": "1.00", "product_name": MARK})
    another = await over_nats(wire, keyed, "products.create", {**new, "unit_price": "2.00"})

    assert 201 == first.status_code
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (first.headers["etag"], first.headers["location"]) == (again.headers["etag"], again.headers["location"])
    assert first.json() == over
    assert (409, "idempotency_key_reused") == (another["status"], another["reason"])


async def test_of_twenty_creations_with_one_key_one_is_executed_and_all_succeed(
    http: AsyncClient, keyed: Headers
) -> None:
    new = {"product_name": f"{MARK} {secrets.token_hex(8)}", "unit_price": "1.00"}

    answers = await asyncio.gather(*(http.post("/v1/products", json=new, headers=keyed) for _ in range(20)))

    assert {(201, answers[0].content)} == {(answer.status_code, answer.content) for answer in answers}
    found = (await http.get("/v1/products", params={"q": new["product_name"]})).json()
    assert 1 == len(found["items"])


async def test_a_customers_life_can_be_repeated_step_by_step(http: AsyncClient, admin: Headers) -> None:
    path, new = "/v1/customers", {"customer_id": free_key(), "company_name": MARK}

    async def twice(method: str, path: str, body: object, **headers: str) -> int:
        sent = {**admin, "Idempotency-Key": secrets.token_hex(16), **headers}
        first, again = [await http.request(method, path, json=body, headers=sent) for _ in range(2)]
        assert (first.status_code, first.content) == (again.status_code, again.content)
        return first.status_code

    assert 201 == await twice("POST", path, new)
    assert 200 == await twice("PATCH", f"{path}/{new['customer_id']}", {"city": "Avalon"}, **{"If-Match": '"1"'})
    assert 204 == await twice("DELETE", f"{path}/{new['customer_id']}", None, **{"If-Match": '"2"'})


async def test_another_payload_is_409(http: AsyncClient, keyed: Headers) -> None:
    new = {"product_name": MARK, "unit_price": "1.00"}
    await http.post("/v1/products", json=new, headers=keyed)

    problem(
        await http.post("/v1/products", json={**new, "unit_price": "2.00"}, headers=keyed),
        409,
        "idempotency_key_reused",
    )


async def test_a_refusal_is_not_kept(http: AsyncClient, keyed: Headers) -> None:
    new = {"product_name": MARK, "unit_price": "1.00", "category_id": 2**31 - 1}

    problem(await http.post("/v1/products", json=new, headers=keyed), 422, "unknown_category")

    assert 201 == (await http.post("/v1/products", json={**new, "category_id": 1}, headers=keyed)).status_code


async def test_a_registration_can_be_repeated(http: AsyncClient) -> None:
    email, password = new_account()
    key = {"Idempotency-Key": secrets.token_hex(16)}
    body = {"email": email, "password": password}

    first, again = [await http.post("/v1/auth/register", json=body, headers=key) for _ in range(2)]

    assert (201, first.content) == (first.status_code, again.content)
    problem(await http.post("/v1/auth/register", json=body), 409, "email_taken")
    problem(
        await http.post("/v1/auth/register", json={**body, "password": "some other password"}, headers=key),
        409,
        "idempotency_key_reused",
    )
