"""A corpus of forged access tokens: none is accepted, and none breaks anything."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx2 import AsyncClient
from pymongo import AsyncMongoClient

from auth_svc.keys import KeyCipher
from auth_svc.repository import SealedKey
from contracts.auth import Jwk
from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.core.errors import Unauthenticated
from mesh.security.settings import TokenSettings
from mesh.security.verifier import Verifier
from tests.security.access.forgeries import Forger
from tests.support.http.problems import problem


@pytest.fixture(scope="module")
async def forger(stack: Stack) -> Forger:
    """Somebody who can even use the key that signs."""
    secret = base64.b64decode(load_credentials(stack.state.home).secret("AUTH_KEY_ENCRYPTION_KEY"))
    async with AsyncMongoClient[dict[str, Any]](stack.state.databases["auth"]) as mongo:
        keys = mongo.get_default_database()["signing_keys"]
        found = await keys.find_one({"signs_from": {"$lte": datetime.now(UTC)}}, sort=[("number", -1)])
    assert found
    return Forger(KeyCipher(secret).open(SealedKey(Jwk(kid=found["_id"], x=found["x"]), found["sealed"])))


async def test_no_forged_token_is_accepted(stack: Stack, forger: Forger) -> None:
    forgeries = list(forger.tokens())
    assert 120 < len(forgeries)
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as http:
        genuine = {"Authorization": f"Bearer {forger.genuine()}"}
        assert 200 == (await http.get("/v1/customers/ALFKI", headers=genuine)).status_code
        answers = {
            what: (await http.get("/v1/customers/ALFKI", headers={"Authorization": f"Bearer {token}"})).status_code
            for what, token in forgeries
        }
    assert {} == {what: status for what, status in answers.items() if status != 401}


async def test_a_token_of_a_megabyte_is_not_read(stack: Stack) -> None:
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as http:
        answer = await http.get("/v1/customers/ALFKI", headers={"Authorization": f"Bearer {'a' * 2**20}"})
    problem(answer, 401, "invalid_token")
    with pytest.raises(Unauthenticated, match="too long"):
        await Verifier(TokenSettings(), _no_keys).verify(f"Bearer {'a' * 2**20}")


async def _no_keys() -> Any:  # noqa: ANN401  # never returns
    raise AssertionError
