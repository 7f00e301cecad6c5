"""Keys that take turns while tokens are made and verified."""

import asyncio
import time
from functools import partial

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.settings import AuthSettings
from contracts.auth import GetJwks, RotateKeys
from mesh.core.errors import Unauthenticated
from mesh.security.verifier import Verifier
from providers.mongo.database import Database
from subjects import AUTH_JWKS, AUTH_KEYS_ROTATE
from tests.integration.auth_svc.people import admin, log_in
from tests.integration.auth_svc.small_mesh import Mesh


async def test_three_rotations_under_load_cost_no_token_its_validity(
    mesh: Mesh, settings: AuthSettings, database: Database
) -> None:
    brisk = settings.model_copy(update={"auth_key_lead": 1, "token_keys_refetch_after": 0.3})
    for _ in range(2):
        await mesh.start(brisk)
    boss = await admin(mesh, database)
    asked = 0

    async def fetch() -> object:
        nonlocal asked
        asked += 1
        return await mesh.call(AUTH_JWKS, GetJwks())

    gateway = Verifier(brisk, fetch)  # type: ignore[arg-type]  # the reply is a key set
    kids: list[str] = []
    began = time.monotonic()
    forger = Ed25519PrivateKey.generate()
    await mesh.call(AUTH_KEYS_ROTATE, RotateKeys(), boss.access)
    while len(set(kids)) < 4:
        token = (await log_in(mesh, boss.user.email)).access_token
        await gateway.verify(f"Bearer {token}")
        kid: str = jwt.get_unverified_header(token)["kid"]
        if kids and kid not in kids:
            await mesh.call(AUTH_KEYS_ROTATE, RotateKeys(), token)
        kids.append(kid)
        head, body, signature = token.split(".")
        claims = jwt.decode(token, options={"verify_signature": False})
        unknown = jwt.encode(claims, forger, "EdDSA", {"kid": f"forged{len(kids)}", "typ": "at+jwt"})
        for one in (unknown, f"{head}.{body}.{signature[::-1][:-1]}A"):
            with pytest.raises(Unauthenticated):
                await gateway.verify(f"Bearer {one}")
        await asyncio.sleep(0.01)
    assert asked <= 1 + (time.monotonic() - began) / 0.3
    assert len(kids) > 20


async def test_a_rotation_that_is_under_way_is_told_again(
    mesh: Mesh, settings: AuthSettings, database: Database
) -> None:
    await mesh.start(settings)
    boss = await admin(mesh, database)
    rotate = partial(mesh.call, AUTH_KEYS_ROTATE, RotateKeys(), boss.access)
    first, second = await asyncio.gather(rotate(), rotate())
    assert first == second
    assert 2 == len((await mesh.call(AUTH_JWKS, GetJwks())).keys)
    [entry] = await database["audit"].find({"action": "keys_rotated"}).limit(1).to_list()
    assert (boss.user.user_id, first.kid) == (entry["actor_id"], entry["detail"])
