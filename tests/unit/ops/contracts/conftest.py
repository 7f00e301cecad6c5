"""The export of this checkout, made once."""

from typing import Any

import pytest

from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryBroker, MemoryTransport
from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import Declared, built
from ops.contracts.files import illustrated
from ops.contracts.tree import Contracts
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS
from tests.support.paths import ROOT


@pytest.fixture(scope="session")
def declared() -> Declared:
    return Declared(ENDPOINTS, EVENTS, PROCESSES)


@pytest.fixture(scope="session")
def shown(declared: Declared) -> Illustrated:
    return illustrated(declared, ROOT)


@pytest.fixture(scope="session")
def contracts(declared: Declared) -> Contracts:
    return built(declared)


@pytest.fixture(scope="session")
def openapi() -> dict[str, Any]:
    return build(GatewaySettings(), MemoryTransport(MemoryBroker())).openapi()
