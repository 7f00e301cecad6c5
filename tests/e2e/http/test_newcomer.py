import time
from typing import Any

import jwt
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from tests.support.http.people import bearer, log_in, new_account, register
from tests.support.http.problems import problem

ALFKI = {
    "customer_id": "ALFKI",
    "company_name": "Alfreds Futterkiste",
    "contact_name": "Maria Anders",
    "contact_title": "Sales Representative",
    "address": "Obere Str. 57",
    "city": "Berlin",
    "region": None,
    "postal_code": "12209",
    "country": "Germany",
    "phone": "030-0074321",
    "fax": "030-0076545",
    "version": 1,
}


async def test_the_first_administrator_logs_in_and_reads_alfki(stack: Stack, http: AsyncClient) -> None:
    tokens = await log_in(http, stack.state.admin.email, stack.state.admin.password)

    response = await http.get("/v1/customers/ALFKI", headers=bearer(tokens))

    assert ALFKI.items() <= response.json().items()
    assert '"1"' == response.headers["etag"]


async def test_whoever_registers_is_a_user_and_reads(http: AsyncClient) -> None:
    email, password = new_account()

    made = await http.post("/v1/auth/register", json={"email": email, "password": password})
    tokens = await log_in(http, email, password)
    me = await http.get(made.headers["location"], headers=bearer(tokens))

    assert (201, "/v1/auth/me") == (made.status_code, made.headers["location"])
    assert {"user_id", "email", "roles", "created_at", "disabled", "email_verified"} == made.json().keys()
    assert (email, ["USER"]) == (made.json()["email"], made.json()["roles"])
    assert made.json() == me.json()
    assert 200 == (await http.get("/v1/customers/ALFKI", headers=bearer(tokens))).status_code


async def test_an_address_is_registered_once_whatever_its_case(http: AsyncClient) -> None:
    email, password = await register(http)

    again = await http.post("/v1/auth/register", json={"email": email.upper(), "password": password})

    problem(again, 409, "email_taken")
    assert await log_in(http, email.upper(), password)


async def test_products_are_for_everybody_and_customers_are_not(http: AsyncClient) -> None:
    assert 200 == (await http.get("/v1/products/1")).status_code
    assert 200 == (await http.get("/v1/categories")).status_code
    for path in ("/v1/customers", "/v1/customers/ALFKI", "/v1/suppliers", "/v1/suppliers/1", "/v1/auth/me"):
        problem(response := await http.get(path), 401, "token_required")
        assert "Bearer" == response.headers["www-authenticate"]


async def test_a_user_may_not_change_anything(http: AsyncClient, user: dict[str, str]) -> None:
    customer = {"customer_id": "ZZZZZ", "company_name": "Made by a test"}
    product = {"product_name": "Made by a test", "unit_price": "1.00"}
    version = {**user, "If-Match": '"1"'}

    for refused in (
        await http.post("/v1/customers", json=customer, headers=user),
        await http.patch("/v1/customers/ALFKI", json={"city": "Bonn"}, headers=version),
        await http.delete("/v1/customers/ALFKI", headers=user),
        await http.post("/v1/products", json=product, headers=user),
        await http.patch("/v1/products/1", json={"reorder_level": 1}, headers=version),
        await http.post("/v1/products/1/discontinue", headers=user),
    ):
        problem(refused, 403, "role_required")


async def test_what_is_wrong_with_a_login_is_not_told(http: AsyncClient) -> None:
    email, password = await register(http)

    wrong = await http.post("/v1/auth/login", json={"email": email, "password": f"{password}!"})
    nobody = await http.post("/v1/auth/login", json={"email": new_account()[0], "password": password})

    assert problem(wrong, 401, "invalid_credentials").detail == problem(nobody, 401, "invalid_credentials").detail


async def test_a_refresh_token_is_good_for_one_trade(http: AsyncClient) -> None:
    first = await log_in(http, *await register(http))

    second = await refresh(http, first)
    third = await refresh(http, second)

    assert 3 == len({tokens["refresh_token"] for tokens in (first, second, third)})
    assert 200 == (await http.get("/v1/auth/me", headers=bearer(third))).status_code
    used = await http.post("/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    problem(used, 401, "invalid_refresh_token")


async def refresh(http: AsyncClient, tokens: dict[str, Any]) -> dict[str, Any]:
    response = await http.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert 200 == response.status_code, response.text
    assert "no-store" == response.headers["cache-control"]
    traded: dict[str, Any] = response.json()
    return traded


async def test_a_logout_ends_the_session_of_either_token(http: AsyncClient) -> None:
    account = await register(http)
    by_refresh_token, by_access_token, other = [await log_in(http, *account) for _ in range(3)]

    body = {"refresh_token": by_refresh_token["refresh_token"]}
    assert 204 == (await http.post("/v1/auth/logout", json=body)).status_code
    assert 204 == (await http.post("/v1/auth/logout", json=body)).status_code
    assert 204 == (await http.post("/v1/auth/logout", headers=bearer(by_access_token))).status_code

    for ended in (by_refresh_token, by_access_token):
        response = await http.post("/v1/auth/refresh", json={"refresh_token": ended["refresh_token"]})
        problem(response, 401, "invalid_refresh_token")
    await refresh(http, other)


async def test_a_logout_without_any_token_is_401(http: AsyncClient) -> None:
    problem(await http.post("/v1/auth/logout"), 401, "token_required")


async def test_an_independent_client_verifies_an_access_token_by_the_key_set(http: AsyncClient) -> None:
    account = await register(http)
    tokens = await log_in(http, *account)
    me = (await http.get("/v1/auth/me", headers=bearer(tokens))).json()

    keys = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
    header = jwt.get_unverified_header(tokens["access_token"])
    claims = jwt.decode(
        tokens["access_token"],
        keys[header["kid"]],
        algorithms=["EdDSA"],
        issuer="northwind-mesh",
        audience="northwind-mesh",
    )

    assert ("EdDSA", "at+jwt") == (header["alg"], header["typ"])
    assert (me["user_id"], ["USER"]) == (claims["sub"], claims["roles"])
    assert tokens["expires_in"] == claims["exp"] - claims["iat"]
    assert claims["iat"] <= time.time() < claims["exp"]
    assert account[0] not in str(claims)
