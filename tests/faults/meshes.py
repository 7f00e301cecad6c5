"""A running mesh, and who asks it."""

import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from functools import partial
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from contracts.customers import GetCustomer
from contracts.products import GetProduct, ListProducts
from devstack.stack.services import run_module
from devstack.stack.settings import ServiceName, StackSettings
from devstack.stack.stack import Stack
from services import BY_NAME
from subjects import CUSTOMERS_GET, PRODUCTS_GET, PRODUCTS_LIST
from tests.faults.orders.breakable_stock import BUG
from tests.support.load.traffic import Ask, Balancer, Caller, balanced, connected
from tests.support.mail_server import MailServer

_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    # Longer than a test: a token that ends in the midst of it is no fault.
    "auth": ("AUTH_ACCESS_TOKEN_LIFETIME=7200", "AUTH_ADDRESS_ATTEMPTS=10000"),
    # What a load balancer needs to notice; it asks every 0.1 s. Without a cache, a read tells how its worker fares.
    "gateway": ("GATEWAY_STOP_DELAY=0.6", "GATEWAY_CACHE=0"),
    # Long enough to cancel an order, and to dispatch its shipment by hand.
    "shipping": ("SHIPPING_DISPATCH_AFTER=1", "SHIPPING_DELIVER_AFTER=0.3"),
}


class Letters(MailServer):
    """A mail server that counts each mail by its `Message-ID`, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Count the mail."""
        assert isinstance(envelope.content, bytes)
        self.counts[str(BytesHeaderParser().parsebytes(envelope.content)["Message-ID"])] += 1
        return "250 OK"


def command(letters: Letters, bug: Path, more: Mapping[str, tuple[str, ...]], service: ServiceName) -> tuple[str, ...]:
    """A service as it is, with settings that suit these tests, and `more` of them by service.

    Stock has the bug while the file exists.
    """
    if service == "stock":
        return ("/usr/bin/env", f"{BUG}={bug}", sys.executable, "-m", "tests.faults.orders.breakable_stock")
    mail = (f"{BY_NAME[service].prefix}_SMTP_URL=smtp://{letters.host}",) if BY_NAME[service].mails else ()
    return ("/usr/bin/env", *_ENVIRONMENT.get(service, ()), *more.get(service, ()), *mail, *run_module(service))


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
    letters: Letters
    """The mails that it has sent."""
    bug: Path
    """Write the id of a product into this file, and stock refuses its orders; see breakable_stock.py."""

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
async def mesh(settings: StackSettings, more: Mapping[str, tuple[str, ...]] | None = None) -> AsyncIterator[Mesh]:
    """A running mesh. `more` has further variables of a service, such as `NAME=value`."""
    bug = settings.home / "bug"
    async with (
        Letters() as letters,
        Stack(settings, service_command=partial(command, letters, bug, more or {})) as stack,
        balanced(stack) as http,
        connected(stack) as nats,
    ):
        login = {"email": stack.state.admin.email, "password": stack.state.admin.password}
        answer = await http.send("POST", "/v1/auth/login", json=login)
        yield Mesh(stack, http, nats, answer.json()["access_token"], letters, bug)
