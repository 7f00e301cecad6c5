"""The whole mesh of a folder of tests: a conftest.py imports it, and it ends with the tests of that folder."""

from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from tests.support.customers_go import left_out, replaced


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything that `mesh up` starts, on free ports: a process for each service, with its own NATS user."""
    settings = StackSettings(home=tmp_path_factory.mktemp("mesh"), http_port=0, without=left_out())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AUTH_ADDRESS_ATTEMPTS", "10000")  # all that the tests register come from one address
        async with Stack(settings) as stack, replaced(stack):
            yield stack


@pytest.fixture(scope="package")
async def http(stack: Stack) -> AsyncIterator[AsyncClient]:
    """An HTTP client of the gateway, without a token."""
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as client:
        yield client
