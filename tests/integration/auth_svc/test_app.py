"""What a start does: two replicas at once, the first administrator, keys that do not fit."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretBytes, SecretStr

from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.repository import SealedKey, SigningKeys
from auth_svc.settings import AuthSettings
from contracts.auth import GetJwks, GetMe, Login, Register
from mesh.process.run import StartError
from providers.mongo.database import Database
from subjects import AUTH_JWKS, AUTH_LOGIN, AUTH_ME, AUTH_REGISTER
from tests.integration.auth_svc.small_mesh import Documents, Mesh

ADMIN = Login(email="admin@mesh.test", password="an administrator's password")


@pytest.fixture
def with_admin(settings: AuthSettings) -> AuthSettings:
    return administrated(settings, ADMIN.email, ADMIN.password)


def administrated(settings: AuthSettings, email: str, password: str) -> AuthSettings:
    return settings.model_copy(update={"auth_admin_email": email, "auth_admin_password": SecretStr(password)})


async def test_two_replicas_that_start_at_once_sign_with_one_key(mesh: Mesh, with_admin: AuthSettings) -> None:
    await asyncio.gather(mesh.start(with_admin), mesh.start(with_admin))
    [key] = (await mesh.call(AUTH_JWKS, GetJwks())).keys
    for _ in range(4):  # each replica signs, and each verifies what the other has signed
        tokens = await mesh.call(AUTH_LOGIN, ADMIN)
        assert key.kid == jwt.get_unverified_header(tokens.access_token)["kid"]
        for _ in range(2):
            assert ADMIN.email == (await mesh.call(AUTH_ME, GetMe(), tokens.access_token)).email


async def test_two_replicas_that_start_at_once_make_one_administrator(
    mesh: Mesh, with_admin: AuthSettings, documents: Documents
) -> None:
    await asyncio.gather(mesh.start(with_admin), mesh.start(with_admin))
    [user] = await documents("users")
    assert ("admin@mesh.test", ["ADMIN"]) == (user["email"], user["roles"])


async def test_a_key_survives_a_restart(settings: AuthSettings) -> None:
    assert await key_ids(settings) == await key_ids(settings)


async def key_ids(settings: AuthSettings) -> list[str]:
    async with AsyncExitStack() as resources:
        mesh = Mesh(resources)
        await mesh.start(settings)
        return [key.kid for key in (await mesh.call(AUTH_JWKS, GetJwks())).keys]


async def test_a_private_key_is_not_in_the_database(worker: Mesh, documents: Documents) -> None:
    [stored] = await documents("signing_keys")
    assert {"_id", "x", "sealed", "number", "signs_from", "created_at"} == set(stored)
    assert 12 + 32 + 16 == len(stored["sealed"]), "nonce, encrypted key, authentication tag"


async def test_a_wrong_encryption_key_ends_the_start_and_leaves_the_key(
    mesh: Mesh, settings: AuthSettings, documents: Documents
) -> None:
    await mesh.start(settings)
    before = await documents("signing_keys")
    with pytest.raises(StartError, match="AUTH_KEY_ENCRYPTION_KEY"):
        await mesh.start(settings.model_copy(update={"auth_key_encryption_key": SecretBytes(b"\x01" * 32)}))
    assert before == await documents("signing_keys")


def foreign_key() -> SealedKey:
    """A signing key that another AUTH_KEY_ENCRYPTION_KEY has encrypted."""
    return KeyCipher(b"\x01" * 32).seal(SigningKey.of(Ed25519PrivateKey.generate()))


async def test_a_key_that_does_not_open_ends_the_start_before_it_signs(
    mesh: Mesh, settings: AuthSettings, database: Database
) -> None:
    await mesh.start(settings)
    foreign = foreign_key()
    await SigningKeys(database).rotate(foreign, timedelta(hours=1), timedelta(hours=1))
    with pytest.raises(StartError, match=f"AUTH_KEY_ENCRYPTION_KEY .* {foreign.public.kid}"):
        await mesh.start(settings)


async def test_a_worker_steps_back_while_the_key_that_signs_does_not_open(
    mesh: Mesh, settings: AuthSettings, database: Database
) -> None:
    await mesh.start(settings.model_copy(update={"auth_key_lead": 1}))
    foreign = foreign_key()
    await SigningKeys(database).rotate(foreign, timedelta(0), timedelta(hours=1))
    await until(mesh, {"ready": "false", "reason": "the signing key cannot be read at the moment"})
    await database["signing_keys"].delete_one({"_id": foreign.public.kid})
    await until(mesh, {"ready": "true"})


async def until(mesh: Mesh, metadata: dict[str, str]) -> None:
    caller = mesh.connect("watcher")
    while metadata != json.loads((await caller.request("$SRV.PING.auth", b"", {}, 5)).payload)["metadata"]:
        await asyncio.sleep(0.01)


async def test_a_wrong_database_password_ends_the_start_without_showing_it(mesh: Mesh, settings: AuthSettings) -> None:
    url = settings.auth_mongodb_url.get_secret_value()
    wrong = SecretStr(url.replace("://auth:", "://auth:wrong-"))
    with pytest.raises(
        StartError, match=r"MongoDB database auth at 127\.0\.0\.1:\d+: Authentication failed"
    ) as refusal:
        await mesh.start(settings.model_copy(update={"auth_mongodb_url": wrong}))
    assert "wrong-" not in str(refusal.value)


async def test_a_second_start_makes_no_second_administrator(
    mesh: Mesh, settings: AuthSettings, with_admin: AuthSettings, documents: Documents
) -> None:
    await mesh.start(with_admin)
    await mesh.start(administrated(settings, "other@mesh.test", ADMIN.password))
    assert ["admin@mesh.test"] == [user["email"] for user in await documents("users")]


async def test_a_users_address_does_not_become_an_administrators(
    mesh: Mesh, settings: AuthSettings, with_admin: AuthSettings
) -> None:
    await mesh.start(settings)
    user = await mesh.call(AUTH_REGISTER, Register(email=ADMIN.email, password=ADMIN.password))
    assert ("USER",) == user.roles
    with pytest.raises(StartError, match="AUTH_ADMIN_EMAIL"):
        await mesh.start(with_admin)


@pytest.mark.parametrize(("email", "password"), [("admin@localhost", ADMIN.password), (ADMIN.email, "short")])
async def test_an_administrator_keeps_the_rules(mesh: Mesh, settings: AuthSettings, email: str, password: str) -> None:
    with pytest.raises(StartError, match="AUTH_ADMIN_") as refusal:
        await mesh.start(administrated(settings, email, password))
    assert password not in str(refusal.value)


async def test_without_an_administrators_address_there_is_none(worker: Mesh, documents: Documents) -> None:
    assert [] == await documents("users")
