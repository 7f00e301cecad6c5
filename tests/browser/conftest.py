"""One mesh with its console, and a real browser that looks at it. Without Chromium these tests are skipped."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from httpx2 import AsyncClient
from playwright.async_api import Browser

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from tests.support.browser.console import CHROMIUM, Console, started


@pytest.fixture(scope="package")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that this machine has."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with started(CHROMIUM) as browser:
        yield browser


@pytest.fixture(scope="package")
async def stack(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything that `mesh up` starts, the console too, where every order is dispatched and delivered at once."""
    settings = StackSettings(home=tmp_path_factory.mktemp("mesh"), http_port=0, console=True)
    async with AsyncExitStack() as running:
        with pytest.MonkeyPatch.context() as environment:  # for the start alone: other tests run while this stack does
            environment.setenv("SHIPPING_DISPATCH_AFTER", "0")
            environment.setenv("SHIPPING_DELIVER_AFTER", "0")
            stack = await running.enter_async_context(Stack(settings))
        yield stack


@pytest.fixture(scope="package")
async def console(chromium: Browser, stack: Stack) -> AsyncIterator[Console]:
    """A browser that has signed in by the link for any number of browsers."""
    assert stack.state.console_url
    yield (console := await Console.signed_in(chromium, stack.state.console_url))
    await console.close()


@pytest.fixture(scope="package")
async def http(stack: Stack) -> AsyncIterator[AsyncClient]:
    """An HTTP client of the gateway, without a token."""
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as client:
        yield client
