"""A worker trusts no gateway: whoever may send requests gets nothing changed with a token that is not good."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymongo import AsyncMongoClient

from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.repository import SealedKey
from contracts.auth import Jwk
from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.core.endpoint import Access, Endpoint
from subjects import ENDPOINTS
from tests.support.contract import golden
from tests.support.contract.callers import Wire
from tests.support.contract.givens import Givens
from tests.support.contract.replies import failure

# What needs nobody's token, or a token that is no JWT: to register, to log in, to go on with a session.
WITHOUT_A_TOKEN = {"auth.register", "auth.login", "auth.refresh", "auth.mailed_tokens.request", "auth.password.reset"}
CHANGING = [one for one in ENDPOINTS if one.verified or not one.idempotent]
VERIFIED = [endpoint for endpoint in CHANGING if endpoint.subject not in WITHOUT_A_TOKEN]
FOR_USERS = [endpoint for endpoint in VERIFIED if endpoint.access is not Access.ANYONE]

HOUR = 3600
WRONG: dict[str, dict[str, object]] = {
    "expired": {"iat": -2 * HOUR, "nbf": -2 * HOUR, "exp": -HOUR},
    "not good yet": {"nbf": HOUR},
    "for another audience": {"aud": "another"},
    "from another issuer": {"iss": "another"},
}


@pytest.fixture(scope="module")
async def key(stack: Stack) -> SigningKey:
    """The key of the auth service itself: what it signs is genuine, and wrong only for what it says."""
    async with AsyncMongoClient[dict[str, Any]](stack.state.databases["auth"]) as mongo:
        found = await mongo.get_default_database()["signing_keys"].find_one()
    assert found
    secret = load_credentials(stack.state.home).secret("AUTH_KEY_ENCRYPTION_KEY")
    sealed = SealedKey(Jwk(kid=found["_id"], x=found["x"]), bytes(found["sealed"]))
    return KeyCipher(base64.b64decode(secret)).open(sealed)


def signed(key: SigningKey, genuine: str, changes: dict[str, object], by: Ed25519PrivateKey | None = None) -> str:
    """The token of an administrator, with other claims; times are seconds from now."""
    claims = jwt.decode(genuine, options={"verify_signature": False})
    for name, value in changes.items():
        claims[name] = int(time.time()) + value if isinstance(value, int) else value
    return jwt.encode(claims, by or key.private, "EdDSA", {"kid": key.kid, "typ": "at+jwt"})


def test_all_that_changes_something_for_a_user_is_tried() -> None:
    assert WITHOUT_A_TOKEN == {one.subject for one in CHANGING} - {one.subject for one in VERIFIED}
    assert {True} == {endpoint.verified for endpoint in VERIFIED}


@pytest.mark.parametrize("wrong", [*WRONG, "signed by another key"])
@pytest.mark.parametrize("endpoint", VERIFIED, ids=lambda endpoint: endpoint.subject)
async def test_a_worker_refuses_a_token_that_is_not_good(
    endpoint: Endpoint[Any, Any], wrong: str, wire: Wire, givens: Givens, key: SigningKey
) -> None:
    genuine = givens.token("admin")
    assert genuine
    presented = signed(key, genuine, WRONG.get(wrong, {}), None if wrong in WRONG else Ed25519PrivateKey.generate())

    reply = await wire.send(endpoint.subject, await body(endpoint, givens), presented, X_Request_Id="r1")

    reason = "token_expired" if wrong == "expired" else "invalid_token"
    reason = "token_required" if endpoint.access is Access.ANYONE else reason
    assert [] == failure(reply, "r1", 401, "unauthenticated", reason)


@pytest.mark.parametrize("endpoint", FOR_USERS, ids=lambda endpoint: endpoint.subject)
async def test_a_worker_refuses_a_token_without_the_role(
    endpoint: Endpoint[Any, Any], wire: Wire, givens: Givens, key: SigningKey
) -> None:
    genuine = givens.token("admin")
    assert genuine

    presented = signed(key, genuine, {"roles": ["ROOT"]})
    reply = await wire.send(endpoint.subject, await body(endpoint, givens), presented, X_Request_Id="r1")

    assert [] == failure(reply, "r1", 403, "permission_denied", "role_required")


async def body(endpoint: Endpoint[Any, Any], givens: Givens) -> bytes:
    """A request that a good token would make good."""
    # Without arguments, a logout is of the session that the token speaks for.
    request = {} if endpoint.subject == "auth.logout" else golden.example(endpoint.subject).request
    return json.dumps(await givens.fill(request)).encode()


async def test_a_token_with_nothing_changed_is_good(wire: Wire, givens: Givens, key: SigningKey) -> None:
    genuine = givens.token("admin")
    assert genuine
    assert await wire.ask("auth.me", signed(key, genuine, {}))
