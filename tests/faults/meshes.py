"""A running mesh, and who asks it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from contracts.customers import GetCustomer
from contracts.products import GetProduct, ListProducts
from devstack.stack.services import run_module
from devstack.stack.settings import ServiceName, StackSettings
from devstack.stack.stack import Stack
from subjects import CUSTOMERS_GET, PRODUCTS_GET, PRODUCTS_LIST
from tests.support.load.traffic import Ask, Balancer, Caller, balanced, connected

_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    # Longer than a test: a token that ends in the midst of it is no fault.
    "auth": ("AUTH_ACCESS_TOKEN_LIFETIME=7200",),
    # What a load balancer needs to notice; it asks every 0.1 s.
    "gateway": ("GATEWAY_STOP_DELAY=0.6",),
}


def command(service: ServiceName) -> tuple[str, ...]:
    """A service as it is, with settings that suit these tests."""
    return ("/usr/bin/env", *_ENVIRONMENT.get(service, ()), *run_module(service))


@dataclass(frozen=True)
class Mesh:
    """A stack, and who asks it."""

    stack: Stack
    http: Balancer
    """In front of its gateways."""
    nats: Caller
    """Beside them."""
    token: str
    """The first administrator's."""

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a request of the administrator."""
        return {"Authorization": f"Bearer {self.token}"}

    def reads(self) -> list[Ask]:
        """Idempotent requests to every service, by HTTP and by NATS."""
        http, nats = self.http, self.nats
        return [
            partial(http.kind, "GET", "/v1/products/1"),
            partial(http.kind, "GET", "/v1/customers/ALFKI", headers=self.bearer),
            partial(http.kind, "GET", "/v1/products?limit=3"),
            partial(http.kind, "GET", "/v1/auth/me", headers=self.bearer),
            partial(nats.kind, PRODUCTS_GET, GetProduct(product_id=1)),
            partial(nats.kind, CUSTOMERS_GET, GetCustomer(customer_id="ALFKI")),
            partial(nats.kind, PRODUCTS_LIST, ListProducts(limit=3)),
        ]


@asynccontextmanager
async def mesh(settings: StackSettings) -> AsyncIterator[Mesh]:
    """A running mesh."""
    async with (
        Stack(settings, service_command=command) as stack,
        balanced(stack) as http,
        connected(stack) as nats,
    ):
        login = {"email": stack.state.admin.email, "password": stack.state.admin.password}
        answer = await http.send("POST", "/v1/auth/login", json=login)
        yield Mesh(stack, http, nats, answer.json()["access_token"])
