"""A few subjects of this checkout: enough for every kind of change, and quick to compare."""

import pytest

from ops.contracts.document import Declared
from services import PROCESSES
from subjects import CARTS_GET, ENDPOINTS, EVENTS_ORDERS_PLACED


@pytest.fixture(scope="session")
def declared_few() -> Declared:
    endpoints = [one for one in ENDPOINTS if one.service == "customers" or one is CARTS_GET]
    return Declared(endpoints, [EVENTS_ORDERS_PLACED], PROCESSES)
