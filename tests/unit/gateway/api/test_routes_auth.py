import pytest
from httpx2 import AsyncClient

from mesh.core.errors import Conflict, Fault, RateLimited, Unauthenticated
from subjects import AUTH_LOGIN, AUTH_LOGOUT, AUTH_ME, AUTH_REGISTER
from tests.support.gateway.tokens import KEY_ID, public_key
from tests.support.gateway.world import REPLIES, World
from tests.support.http.problems import problem

CREDENTIALS = {"email": "nancy@northwind.example", "password": "correct horse"}
NANCY = {
    "user_id": "u1",
    "email": "nancy@northwind.example",
    "roles": ["USER"],
    "created_at": "2026-07-01T00:00:00Z",
    "disabled": False,
    "email_verified": True,
}
TOKENS = {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r" * 32}


async def test_registering_creates_a_user(http: AsyncClient, world: World) -> None:
    response = await http.post("/v1/auth/register", json=CREDENTIALS)
    assert (201, NANCY) == (response.status_code, response.json())
    assert "/v1/auth/me" == response.headers["location"]
    assert (AUTH_REGISTER, CREDENTIALS) == (world.last.endpoint, world.last.sent)


async def test_a_taken_address_is_409(http: AsyncClient, world: World) -> None:
    world.fails[AUTH_REGISTER] = Conflict("email_taken", "the address is taken")
    problem(await http.post("/v1/auth/register", json=CREDENTIALS), 409, "email_taken")


async def test_logging_in_gives_tokens_that_nobody_may_store(http: AsyncClient, world: World) -> None:
    response = await http.post("/v1/auth/login", json=CREDENTIALS)
    assert (200, TOKENS) == (response.status_code, response.json())
    assert "no-store" == response.headers["cache-control"]
    assert CREDENTIALS == world.last.sent


async def test_a_wrong_password_is_401(http: AsyncClient, world: World) -> None:
    world.fails[AUTH_LOGIN] = Unauthenticated("invalid_credentials", "wrong address or password")
    response = await http.post("/v1/auth/login", json=CREDENTIALS)
    problem(response, 401, "invalid_credentials")
    assert "Bearer" == response.headers["www-authenticate"]


async def test_asking_too_often_is_429_with_the_time_to_wait(http: AsyncClient, world: World) -> None:
    world.fails[AUTH_LOGIN] = RateLimited("too_many_logins", "wait a moment")
    response = await http.post("/v1/auth/login", json=CREDENTIALS)
    problem(response, 429, "too_many_logins")
    assert "1" == response.headers["retry-after"]


@pytest.mark.parametrize("attempts", [1, 7, 10])
async def test_the_policy_of_logins_is_what_auth_says(http: AsyncClient, world: World, attempts: int) -> None:
    wrong = Unauthenticated("invalid_credentials", "wrong address or password")
    paused = Unauthenticated("invalid_credentials", "wrong address or password")
    paused.retry_after = 4
    too_many = RateLimited("too_many_logins", "wait a moment", 2)
    for fault, left in ((wrong, "r=1"), (paused, "r=0;t=4"), (too_many, "r=0;t=2")):
        fault.attempts = attempts
        world.fails[AUTH_LOGIN] = fault
        response = await http.post("/v1/auth/login", json=CREDENTIALS)
        assert f'"too_many_logins";q={attempts}' == response.headers["ratelimit-policy"]
        assert f'"too_many_logins";{left}' == response.headers["ratelimit"]
        assert attempts == response.json()["attempts"]


@pytest.mark.parametrize("attempts", [1, 7, 10])
async def test_a_login_tells_the_policy_that_auth_tells(http: AsyncClient, world: World, attempts: int) -> None:
    world.replies[AUTH_LOGIN] = REPLIES[AUTH_LOGIN].model_copy(update={"attempts": attempts})
    response = await http.post("/v1/auth/login", json=CREDENTIALS)
    assert (200, TOKENS) == (response.status_code, response.json())
    assert f'"too_many_logins";q={attempts}' == response.headers["ratelimit-policy"]
    assert f'"too_many_logins";r={attempts}' == response.headers["ratelimit"]


@pytest.mark.parametrize(
    "fault", [None, Unauthenticated("invalid_credentials", "…"), RateLimited("too_many_logins", "…")]
)
async def test_where_auth_tells_no_policy_there_is_none(http: AsyncClient, world: World, fault: Fault | None) -> None:
    if fault is not None:
        world.fails[AUTH_LOGIN] = fault
    told = (await http.post("/v1/auth/login", json=CREDENTIALS)).headers
    assert {"ratelimit", "ratelimit-policy"}.isdisjoint(told)


async def test_refreshing_gives_new_tokens_that_nobody_may_store(http: AsyncClient, world: World) -> None:
    response = await http.post("/v1/auth/refresh", json={"refresh_token": "r" * 32})
    assert (200, TOKENS) == (response.status_code, response.json())
    assert "no-store" == response.headers["cache-control"]
    assert {"refresh_token": "r" * 32} == world.last.sent


async def test_logging_out_by_refresh_token(http: AsyncClient, world: World) -> None:
    response = await http.post("/v1/auth/logout", json={"refresh_token": "r" * 32})
    assert (204, b"") == (response.status_code, response.content)
    assert (AUTH_LOGOUT, {"refresh_token": "r" * 32}, None) == (
        world.last.endpoint,
        world.last.sent,
        world.last.authorization,
    )


async def test_logging_out_by_access_token_passes_it_on(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.post("/v1/auth/logout", headers=user)
    assert (204, b"") == (response.status_code, response.content)
    assert ({}, user["Authorization"]) == (world.last.sent, world.last.authorization)


async def test_who_am_i(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/auth/me", headers=user)
    assert (200, NANCY) == (response.status_code, response.json())
    assert (AUTH_ME, user["Authorization"]) == (world.last.endpoint, world.last.authorization)


async def test_the_keys_may_be_cached_for_a_while(http: AsyncClient) -> None:
    response = await http.get("/.well-known/jwks.json")
    key = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": public_key()}
    assert (200, {"keys": [key]}) == (response.status_code, response.json())
    assert "public, max-age=300" == response.headers["cache-control"]


@pytest.mark.parametrize("field", ["email", "password"])
async def test_a_secret_that_does_not_fit_is_not_repeated(http: AsyncClient, field: str) -> None:
    response = await http.post("/v1/auth/login", json={**CREDENTIALS, field: "s3cret\0"})
    said = problem(response, 422, "invalid_payload")
    assert [field] == [error.field for error in said.errors]
    assert "s3cret" not in response.text
