"""A person who tries the API on `/docs` logs in once, however long it takes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from httpx2 import AsyncClient
from playwright.async_api import Browser, Locator, Page, Response

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from tests.support.browser.console import PATIENCE, errors_of
from tests.support.http.people import bearer, register

LIFETIME = 2
"""Seconds that an access token is valid, beside the verifier's leeway of 30 s."""
LOG_IN, ME, REFRESH = "/v1/auth/login", "/v1/auth/me", "/v1/auth/refresh"
AN_HOUR_LATER = "const now = Date.now; Date.now = () => now() + 3_600_000"
UNAUTHORIZED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture(scope="module")
async def gateway(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a gateway whose access tokens soon expire."""
    settings = StackSettings(home=tmp_path_factory.mktemp("docs"), http_port=0, console=False, only=("gateway", "auth"))
    async with AsyncExitStack() as running:
        with pytest.MonkeyPatch.context() as environment:  # for the start alone: other tests run while this stack does
            environment.setenv("AUTH_ACCESS_TOKEN_LIFETIME", str(LIFETIME))
            stack = await running.enter_async_context(Stack(settings))
        yield stack.state.gateway_url


@pytest.fixture(scope="module")
async def http(gateway: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=gateway, timeout=20) as client:
        yield client


@dataclass
class Docs:
    """The page, and what it sent to `/v1/auth/refresh`."""

    page: Page
    errors: list[str]
    refreshed: list[int]

    async def operation(self, path: str) -> Locator:
        """The open form of an operation."""
        block = self.page.locator(".opblock", has=self.page.locator(f'[data-path="{path}"]'))
        if await block.locator(".try-out__btn").count() == 0:
            await block.locator(".opblock-summary-control").click()
            await block.locator(".try-out__btn").click()
        return block

    async def run(self, path: str, body: object = None) -> Response:
        """Send an operation's request, and return its last response."""
        block = await self.operation(path)
        if body is not None:
            await block.locator("textarea").first.fill(json.dumps(body))
        async with self.page.expect_response(lambda response: response.url.endswith(path)) as response:
            await block.locator(".execute").click()
        return await response.value


@pytest.fixture
async def docs(chromium: Browser, gateway: str) -> AsyncIterator[Docs]:
    context = await chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    docs = Docs(page, errors_of(page), [])
    page.on("response", lambda got: docs.refreshed.append(got.status) if got.url.endswith(REFRESH) else None)
    answer = await page.goto(f"{gateway}/docs")
    assert answer is not None
    assert "frame-ancestors 'none'" == answer.headers["content-security-policy"]
    yield docs
    await context.close()


async def expired(http: AsyncClient, token: str) -> None:
    """Return once the gateway refuses this token."""
    while (await http.get(ME, headers=bearer({"access_token": token}))).status_code != 401:
        await asyncio.sleep(0.5)


async def log_in_there(docs: Docs, account: tuple[str, str]) -> dict[str, str]:
    answer = await docs.run(LOG_IN, dict(zip(("email", "password"), account, strict=True)))
    assert 200 == answer.status
    tokens: dict[str, str] = await answer.json()
    await docs.page.locator(".auth-wrapper .authorize.locked").wait_for()  # the browser has a response before its page
    return tokens


async def test_a_request_works_after_the_first_access_token_has_expired(docs: Docs, http: AsyncClient) -> None:
    tokens = await log_in_there(docs, account := await register(http))
    assert 200 == (await docs.run(ME)).status
    await expired(http, tokens["access_token"])
    answer = await docs.run(ME)
    assert (200, account[0]) == (answer.status, (await answer.json())["email"])
    assert docs.refreshed
    assert {200} == set(docs.refreshed)
    assert [] == docs.errors


async def test_neither_storage_nor_cookies_have_a_token_and_a_reload_forgets_it(docs: Docs, http: AsyncClient) -> None:
    await log_in_there(docs, await register(http))
    assert [0, 0, ""] == await docs.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    await docs.page.reload()
    assert 401 == (await docs.run(ME)).status


async def test_once_the_session_has_ended_the_page_asks_for_no_more_tokens(docs: Docs, http: AsyncClient) -> None:
    tokens = await log_in_there(docs, await register(http))
    ended = await http.post("/v1/auth/logout", json={"refresh_token": tokens["refresh_token"]})
    assert 204 == ended.status_code
    await expired(http, tokens["access_token"])
    assert 401 == (await docs.run(ME)).status
    assert [401] == docs.refreshed
    assert 401 == (await docs.run(ME)).status
    assert [401] == docs.refreshed
    assert {UNAUTHORIZED} == set(docs.errors)


async def test_a_token_that_was_typed_in_is_sent_as_it_is(docs: Docs, http: AsyncClient) -> None:
    await log_in_there(docs, await register(http))
    await docs.page.evaluate(AN_HOUR_LATER)  # a token of ours would be replaced
    await docs.page.locator(".auth-wrapper .authorize").first.click()
    await docs.page.locator(".modal-ux button", has_text="Logout").click()
    await docs.page.locator(".modal-ux input").fill("typed")
    await docs.page.locator(".modal-ux button[type=submit]").click()
    await docs.page.locator(".modal-ux .btn-done").click()
    answer = await docs.run(ME)
    assert (401, "Bearer typed") == (answer.status, (await answer.request.all_headers())["authorization"])
    assert [] == docs.refreshed


async def test_requests_at_the_same_time_share_one_renewal(docs: Docs, http: AsyncClient) -> None:
    tokens = await log_in_there(docs, await register(http))
    await docs.page.evaluate(AN_HOUR_LATER)
    one, other = await docs.page.evaluate(
        """headers => Promise.all([1, 2].map(async () => {
            const request = await ui.getConfigs().requestInterceptor({ headers: { ...headers } });
            return request.headers;
        }))""",
        bearer(tokens),
    )
    assert one == other
    assert bearer(tokens) != one
    assert [200] == docs.refreshed
