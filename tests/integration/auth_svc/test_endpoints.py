"""The whole worker, asked as the mesh asks it."""

import json

import jwt
import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from auth_svc.settings import AuthSettings
from contracts.auth import GetJwks, GetMe, Login, Logout, Refresh, Register, Tokens, User
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import Code, RemoteFault
from providers.mongo.database import Database
from subjects import AUTH_JWKS, AUTH_LOGIN, AUTH_LOGOUT, AUTH_ME, AUTH_REFRESH, AUTH_REGISTER
from tests.integration.auth_svc.small_mesh import Documents, Mesh

EMAIL, PASSWORD = "anna@mesh.test", "correct horse battery"
REGISTER, LOGIN = Register(email=EMAIL, password=PASSWORD), Login(email=EMAIL, password=PASSWORD)


@pytest.fixture
async def anna(worker: Mesh) -> User:
    return await worker.call(AUTH_REGISTER, REGISTER)


@pytest.fixture
async def tokens(worker: Mesh, anna: User) -> Tokens:
    return await worker.call(AUTH_LOGIN, LOGIN)


async def refused(
    mesh: Mesh, endpoint: Endpoint[Req, Rep], request: Req, access_token: str | None = None
) -> tuple[Code, str]:
    with pytest.raises(RemoteFault) as refusal:
        await mesh.call(endpoint, request, access_token)
    return refusal.value.code, refusal.value.reason


async def test_registering_makes_a_user_with_the_role_user(anna: User) -> None:
    assert (EMAIL, ("USER",)) == (anna.email, anna.roles)


async def test_me_says_what_registering_said(worker: Mesh, anna: User, tokens: Tokens) -> None:
    assert anna == await worker.call(AUTH_ME, GetMe(), tokens.access_token)


async def test_nobody_registers_as_an_administrator(worker: Mesh, documents: Documents) -> None:
    payload = {"email": EMAIL, "password": PASSWORD, "roles": ["ADMIN"]}
    headers, _ = await worker.send("auth.register", json.dumps(payload).encode())
    assert "422" == headers["Nats-Service-Error-Code"]
    assert [] == await documents("users")


@pytest.mark.parametrize("email", [EMAIL, "Anna@MESH.test", "ａnna@mesh.test"])  # noqa: RUF001  # on purpose
async def test_an_address_is_taken_however_it_is_written(worker: Mesh, anna: User, email: str) -> None:
    again = Register(email=email, password=PASSWORD)
    assert (Code.CONFLICT, "email_taken") == await refused(worker, AUTH_REGISTER, again)


async def test_a_weak_password_is_refused_and_the_field_named(worker: Mesh) -> None:
    with pytest.raises(RemoteFault) as refusal:
        await worker.call(AUTH_REGISTER, Register(email=EMAIL, password="short"))
    [error] = refusal.value.errors
    assert (Code.INVALID_ARGUMENT, "password", "weak_password") == (refusal.value.code, error.field, error.reason)


async def test_what_is_no_address_is_refused(worker: Mesh) -> None:
    wrong = Register(email="anna@localhost", password=PASSWORD)
    assert (Code.INVALID_ARGUMENT, "invalid_email") == await refused(worker, AUTH_REGISTER, wrong)


async def test_a_login_brings_an_access_token_for_300_seconds(tokens: Tokens) -> None:
    assert ("Bearer", 300) == (tokens.token_type, tokens.expires_in)


async def test_each_login_begins_a_session_of_its_own(worker: Mesh, tokens: Tokens, documents: Documents) -> None:
    other = await worker.call(AUTH_LOGIN, Login(email="ANNA@mesh.test", password=PASSWORD))
    assert session_of(tokens) != session_of(other)
    assert {session_of(tokens), session_of(other)} == {session["_id"] for session in await documents("sessions")}


async def test_whatever_is_wrong_with_a_login_the_answer_is_the_same(worker: Mesh, anna: User) -> None:
    answers = []
    for email, password in [(EMAIL, "wrong"), ("nobody@mesh.test", PASSWORD), ("anna@localhost", PASSWORD)]:
        with pytest.raises(RemoteFault) as refusal:
            await worker.call(AUTH_LOGIN, Login(email=email, password=password))
        answers.append((refusal.value.code, refusal.value.reason, refusal.value.detail, refusal.value.errors))
    assert (Code.UNAUTHENTICATED, "invalid_credentials") == answers[0][:2]
    assert [answers[0]] * 3 == answers


async def test_a_login_renews_a_hash_whose_parameters_are_outdated(
    mesh: Mesh, settings: AuthSettings, database: Database
) -> None:
    await mesh.start(settings.model_copy(update={"auth_argon2_time_cost": 2}))
    await mesh.call(AUTH_REGISTER, REGISTER)
    outdated = PasswordHasher(memory_cost=128, time_cost=1, parallelism=1).hash(PASSWORD)
    await database["users"].update_one({"email": EMAIL}, {"$set": {"password_hash": outdated}})
    await mesh.call(AUTH_LOGIN, LOGIN)
    [user] = await database["users"].find().to_list()
    assert user["password_hash"].startswith("$argon2id$v=19$m=128,t=2,p=1$")
    await mesh.call(AUTH_LOGIN, LOGIN)


async def test_refreshing_brings_new_tokens_for_the_same_session(worker: Mesh, anna: User, tokens: Tokens) -> None:
    new = await worker.call(AUTH_REFRESH, Refresh(refresh_token=tokens.refresh_token))
    assert session_of(tokens) == session_of(new)
    assert tokens.refresh_token != new.refresh_token
    assert anna == await worker.call(AUTH_ME, GetMe(), new.access_token)


async def test_an_unknown_refresh_token_is_refused(worker: Mesh) -> None:
    unknown = Refresh(refresh_token="x" * 43)
    assert (Code.UNAUTHENTICATED, "invalid_refresh_token") == await refused(worker, AUTH_REFRESH, unknown)


async def test_a_session_that_has_expired_is_not_refreshed(worker: Mesh, tokens: Tokens, database: Database) -> None:
    await database["sessions"].update_many({}, [{"$set": {"expires_at": {"$subtract": ["$$NOW", 1]}}}])
    late = Refresh(refresh_token=tokens.refresh_token)
    assert (Code.UNAUTHENTICATED, "invalid_refresh_token") == await refused(worker, AUTH_REFRESH, late)


async def test_a_session_ends_fourteen_days_after_its_login(tokens: Tokens, documents: Documents) -> None:
    [session] = await documents("sessions")
    assert 14 * 24 * 3600 == round((session["expires_at"] - session["created_at"]).total_seconds())


async def test_roles_are_read_anew_at_a_refresh(worker: Mesh, tokens: Tokens, database: Database) -> None:
    await database["users"].update_one({"email": EMAIL}, {"$set": {"roles": ["USER", "ADMIN"]}})
    new = await worker.call(AUTH_REFRESH, Refresh(refresh_token=tokens.refresh_token))
    assert ["USER", "ADMIN"] == claims_of(new)["roles"]


async def test_a_user_who_is_gone_has_no_session_and_is_not_found(
    worker: Mesh, tokens: Tokens, database: Database
) -> None:
    await database["users"].delete_many({})
    orphan = Refresh(refresh_token=tokens.refresh_token)
    assert (Code.UNAUTHENTICATED, "invalid_refresh_token") == await refused(worker, AUTH_REFRESH, orphan)
    assert (Code.NOT_FOUND, "user_not_found") == await refused(worker, AUTH_ME, GetMe(), tokens.access_token)


async def test_logging_out_by_refresh_token_ends_its_session_alone(worker: Mesh, tokens: Tokens) -> None:
    other = await worker.call(AUTH_LOGIN, LOGIN)
    await worker.call(AUTH_LOGOUT, Logout(refresh_token=tokens.refresh_token))
    ended = Refresh(refresh_token=tokens.refresh_token)
    assert (Code.UNAUTHENTICATED, "invalid_refresh_token") == await refused(worker, AUTH_REFRESH, ended)
    await worker.call(AUTH_REFRESH, Refresh(refresh_token=other.refresh_token))


async def test_logging_out_by_access_token_ends_its_session(worker: Mesh, tokens: Tokens, documents: Documents) -> None:
    await worker.call(AUTH_LOGOUT, Logout(), tokens.access_token)
    assert [True] == ["revoked_at" in session for session in await documents("sessions")]


async def test_logging_out_twice_or_of_nothing_is_answered_alike(worker: Mesh, tokens: Tokens) -> None:
    known, unknown = Logout(refresh_token=tokens.refresh_token), Logout(refresh_token="x" * 43)
    answers = [await worker.call(AUTH_LOGOUT, request) for request in (known, known, unknown)]
    assert [True] * 3 == [answer.logged_out for answer in answers]


async def test_logging_out_without_any_token_is_refused(worker: Mesh) -> None:
    assert (Code.UNAUTHENTICATED, "token_required") == await refused(worker, AUTH_LOGOUT, Logout())


async def test_me_without_a_token_or_with_a_forged_one_is_refused(worker: Mesh, tokens: Tokens) -> None:
    assert (Code.UNAUTHENTICATED, "token_required") == await refused(worker, AUTH_ME, GetMe())
    header, claims, signature = tokens.access_token.split(".")
    forged = ".".join([header, claims, signature[::-1]])
    assert (Code.UNAUTHENTICATED, "invalid_token") == await refused(worker, AUTH_ME, GetMe(), forged)


async def test_the_public_keys_verify_the_tokens(worker: Mesh, tokens: Tokens, settings: AuthSettings) -> None:
    [key] = (await worker.call(AUTH_JWKS, GetJwks())).keys
    assert {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": key.kid,
        "x": key.x,
    } == key.model_dump()
    public = jwt.PyJWK(key.model_dump())
    claims = jwt.decode(tokens.access_token, public, ["EdDSA"], audience=settings.token_audience)
    assert session_of(tokens) == claims["sid"]


async def test_no_secret_is_logged_or_kept(worker: Mesh, documents: Documents) -> None:
    with capture_logs() as logs:
        await worker.call(AUTH_REGISTER, REGISTER)
        first = await worker.call(AUTH_LOGIN, LOGIN)
        second = await worker.call(AUTH_REFRESH, Refresh(refresh_token=first.refresh_token))
        await refused(worker, AUTH_LOGIN, Login(email=EMAIL, password=PASSWORD + "!"))
        await worker.call(AUTH_LOGOUT, Logout(), second.access_token)
        await worker.call(AUTH_LOGIN, LOGIN)
    told = repr([logs, await documents("users"), await documents("sessions"), first, second, REGISTER, LOGIN])
    assert 6 == len([line for line in logs if line["event"] == "request"])
    secrets = (PASSWORD, first.refresh_token, second.refresh_token, first.access_token, second.access_token)
    assert [] == [secret for secret in secrets if secret in told]


def claims_of(tokens: Tokens) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(tokens.access_token, options={"verify_signature": False})
    return claims


def session_of(tokens: Tokens) -> object:
    return claims_of(tokens)["sid"]
