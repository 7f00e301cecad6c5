"""A mesh that programs in other languages call."""

from collections.abc import AsyncIterator

import pytest

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """What `mesh up --only auth,customers,gateway` starts."""
    only = ("auth", "customers", "gateway")
    async with Stack(StackSettings(home=tmp_path_factory.mktemp("mesh"), http_port=0, only=only)) as stack:
        yield stack
