"""The market that the tests of the order flow share."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.meshes import Mesh
from tests.faults.orders.market import Market, market


@pytest.fixture(scope="package")
async def shop(pairs: Mesh) -> AsyncIterator[Market]:
    """New users and products on the mesh with two of everything."""
    async with market(pairs) as shop:
        yield shop
