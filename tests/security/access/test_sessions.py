"""Sessions over HTTP: stolen tokens, revocation at every gateway, and ids that are somebody else's."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from httpx2 import ASGITransport, AsyncClient

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.nats.transport import NatsTransport
from tests.support.http.people import bearer, log_in, register, session_of
from tests.support.http.problems import problem


@pytest.fixture(scope="module")
async def two(stack: Stack) -> AsyncIterator[list[AsyncClient]]:
    """The stack's gateway, and another one on the same mesh."""
    seed = load_credentials(stack.state.home).nats["gateway"]
    settings = GatewaySettings.model_validate({"nats_url": stack.state.nats_url, "nats_nkey_seed": seed})
    transport = await NatsTransport.connect(settings, "gateway")
    other = ASGITransport(build(settings, transport))
    async with (
        AsyncClient(base_url=stack.state.gateway_url, timeout=20) as first,
        AsyncClient(base_url="http://gateway.test", transport=other) as second,
    ):
        yield [first, second]
    await transport.close()


async def refused_within(http: AsyncClient, headers: dict[str, str]) -> float:
    """Seconds until the token is refused."""
    began = time.monotonic()
    while (answer := await http.get("/v1/customers/ALFKI", headers=headers)).status_code == 200:
        await asyncio.sleep(0.01)
    problem(answer, 401, "session_revoked")
    return time.monotonic() - began


async def test_a_revoked_session_is_refused_by_every_gateway_within_a_second(two: list[AsyncClient]) -> None:
    first, second = two
    account = await register(first)
    kept, ended = await log_in(first, *account), await log_in(second, *account)
    for http in two:
        for tokens in (kept, ended):
            assert 200 == (await http.get("/v1/customers/ALFKI", headers=bearer(tokens))).status_code
    assert 204 == (await first.delete(f"/v1/auth/sessions/{session_of(ended)}", headers=bearer(kept))).status_code
    assert max(await asyncio.gather(*(refused_within(http, bearer(ended)) for http in two))) < 1
    for http in two:
        assert 200 == (await http.get("/v1/customers/ALFKI", headers=bearer(kept))).status_code
    assert 204 == (await second.delete("/v1/auth/sessions", headers=bearer(kept))).status_code
    assert max(await asyncio.gather(*(refused_within(http, bearer(kept)) for http in two))) < 1


async def test_a_stolen_refresh_token_that_was_rotated_ends_the_session_for_thief_and_owner(
    two: list[AsyncClient],
) -> None:
    first, second = two
    stolen = await log_in(first, *await register(first))
    owned = stolen
    for _ in range(2):
        owned = (await first.post("/v1/auth/refresh", json={"refresh_token": owned["refresh_token"]})).json()
    thief = await second.post("/v1/auth/refresh", json={"refresh_token": stolen["refresh_token"]})
    problem(thief, 401, "invalid_refresh_token")
    owner = await first.post("/v1/auth/refresh", json={"refresh_token": owned["refresh_token"]})
    problem(owner, 401, "invalid_refresh_token")
    assert max(await asyncio.gather(*(refused_within(http, bearer(owned)) for http in two))) < 1
