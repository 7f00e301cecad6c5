import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from httpx2 import AsyncClient
from pymongo import AsyncMongoClient

from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.repository import SealedKey
from contracts.auth import Jwk
from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from tests.support.http.people import log_in, register
from tests.support.http.problems import problem

Claims = dict[str, Any]


@pytest.fixture(scope="module")
async def key(stack: Stack) -> SigningKey:
    """The key that signs: who has it may make any token."""
    secret = base64.b64decode(load_credentials(stack.state.home).secret("AUTH_KEY_ENCRYPTION_KEY"))
    async with AsyncMongoClient[dict[str, Any]](stack.state.databases["auth"]) as mongo:
        found = await mongo.get_default_database()["signing_keys"].find_one(
            {"signs_from": {"$lte": datetime.now(UTC)}}, sort=[("number", -1)]
        )
    assert found
    return KeyCipher(secret).open(SealedKey(Jwk(kid=found["_id"], x=found["x"]), found["sealed"]))


def claims(**changes: object) -> Claims:
    now = int(time.time())
    made: Claims = {"iss": "northwind-mesh", "aud": "northwind-mesh", "sub": "somebody", "sid": "s1", "jti": "j1"}
    made |= {"roles": ["USER"], "iat": now, "nbf": now, "exp": now + 60, **changes}
    return {name: value for name, value in made.items() if value is not None}


def sign(key: SigningKey, payload: Claims, **headers: object) -> dict[str, str]:
    token = jwt.encode(payload, key.private, "EdDSA", headers={"typ": "at+jwt", "kid": key.kid, **headers})
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_signed_by_the_key_is_good(http: AsyncClient, key: SigningKey) -> None:
    assert 200 == (await http.get("/v1/customers/ALFKI", headers=sign(key, claims()))).status_code


async def test_an_expired_token_is_401(http: AsyncClient, key: SigningKey) -> None:
    expired = sign(key, claims(iat=int(time.time()) - 400, nbf=int(time.time()) - 400, exp=int(time.time()) - 60))

    response = await http.get("/v1/customers/ALFKI", headers=expired)

    problem(response, 401, "token_expired")
    assert 'Bearer error="invalid_token"' == response.headers["www-authenticate"]


async def test_a_logout_by_refresh_token_minds_no_expired_access_token(http: AsyncClient, key: SigningKey) -> None:
    body = {"refresh_token": (await log_in(http, *await register(http)))["refresh_token"]}

    ended = await http.post("/v1/auth/logout", json=body, headers=sign(key, claims(exp=int(time.time()) - 60)))

    assert 204 == ended.status_code
    problem(await http.post("/v1/auth/refresh", json=body), 401, "invalid_refresh_token")


_FAR_AHEAD = 4_000_000_000  # in the year 2096


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody-else"},
        {"aud": "another-service"},
        {"nbf": _FAR_AHEAD},
        {"exp": None},
        {"sub": None},
        {"sid": None},
        {"sid": 7},
        {"roles": None},
        {"roles": "ADMIN"},
        {"roles": [7]},
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_401(http: AsyncClient, key: SigningKey, changes: Claims) -> None:
    response = await http.get("/v1/customers/ALFKI", headers=sign(key, claims(**changes)))

    problem(response, 401, "invalid_token")


@pytest.mark.parametrize("headers", [{"typ": "JWT"}, {"kid": "unknown"}, {"kid": None}, {"kid": 7}], ids=str)
async def test_a_token_of_another_kind_is_401(http: AsyncClient, key: SigningKey, headers: Claims) -> None:
    token = json.dumps({"typ": "at+jwt", "kid": key.kid, "alg": "EdDSA", **headers}).encode()
    genuine = sign(key, claims())["Authorization"].split(".")
    forged = f"Bearer {base64.urlsafe_b64encode(token).rstrip(b'=').decode()}.{genuine[1]}.{genuine[2]}"

    problem(await http.get("/v1/customers/ALFKI", headers={"Authorization": forged}), 401, "invalid_token")


FORGERIES = {
    "another signature": "Bearer {head}.{claims}.{signature:.70}AAAAAAAAAAAAAAAA",
    "no signature": "Bearer {head}.{claims}",
    "an empty signature": "Bearer {head}.{claims}.",
    "an unsigned head": "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.",
    "no scheme": "{head}.{claims}.{signature}",
    "another scheme": "Basic {head}.{claims}.{signature}",
    "no token": "Bearer",
    "two tokens": "Bearer {head}.{claims}.{signature} {head}.{claims}.{signature}",
    "no ASCII": "Bearer \u00e9",
    "too long": "Bearer {head:x<9000}",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_token_is_401(http: AsyncClient, key: SigningKey, forgery: str) -> None:
    parts = sign(key, claims())["Authorization"].removeprefix("Bearer ").split(".")
    header = FORGERIES[forgery].format(head=parts[0], claims=parts[1], signature=parts[2])

    response = await http.get("/v1/customers/ALFKI", headers={b"Authorization": header.encode("latin-1")})

    problem(response, 401, "invalid_token")


async def test_a_token_of_another_key_is_401(http: AsyncClient, key: SigningKey) -> None:
    other = SigningKey(key.kid, key.x, Ed25519PrivateKey.generate())

    problem(await http.get("/v1/customers/ALFKI", headers=sign(other, claims())), 401, "invalid_token")
