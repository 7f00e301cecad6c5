"""Instances with other contracts than ours, on a real NATS: `mesh doctor` and `/readyz?verbose=1` name them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from pydantic import BaseModel

from contracts.customers import GetCustomer
from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.core.endpoint import Endpoint
from mesh.core.version import package_version
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from subjects import CUSTOMERS_GET
from tests.support.command import mesh
from tests.support.mesh.sample_service import verify
from tests.support.servers.nats_server import NatsServer


class OtherCustomer(BaseModel):
    """A customer as another version has it."""

    customer_id: str


async def get(_: GetCustomer) -> Any:  # noqa: ANN401  # nobody asks
    raise AssertionError


class Mesh:
    """A NATS server, and instances of customers."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.transports: list[NatsTransport] = []

    async def connect(self) -> NatsTransport:
        transport = await NatsTransport.connect(NatsSettings(nats_url=self.server.url), "test")
        self.transports.append(transport)
        return transport

    async def customers(self, endpoint: Endpoint[Any, Any]) -> str:
        """Start an instance that serves this endpoint alone, and return its id."""
        service = Service(
            "customers", await self.connect(), version="0.0.9", description="Another version", verify=verify
        )
        service.add(endpoint, get)
        await service.start()
        return service.identity.id


@pytest.fixture
async def made(server: NatsServer) -> AsyncIterator[Mesh]:
    made = Mesh(server)
    yield made
    for transport in made.transports:
        await transport.close()


async def test_doctor_and_gateway_name_the_instance_that_differs(made: Mesh) -> None:
    same = await made.customers(CUSTOMERS_GET)
    other = await made.customers(CUSTOMERS_GET.read_as(OtherCustomer))
    app = build(GatewaySettings(), await made.connect())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway") as http:
        asking = http.get("/readyz?verbose=1")
        told, response = await asyncio.gather(
            mesh("doctor", "--json", "--within", "1", NATS_URL=made.server.url), asking
        )
        plain = (await http.get("/readyz")).json()
    found = [json.loads(line) for line in told.out.splitlines()]
    differ = f"{other} has other shapes of customers.get (its contracts: {package_version()})"
    assert [differ] == [one["what"] for one in found if "other shapes" in one["what"]]
    assert not any(same in one["what"] for one in found)
    assert (1, "") == (told.code, told.err)
    differs = {
        "service": "customers",
        "instance": other,
        "contract_version": package_version(),
        "subjects": ["customers.get"],
    }
    expected = {"contract_version": package_version(), "compared": 2, "differs": [differs]}
    assert expected == response.json()["contracts"]
    assert "contracts" not in plain
