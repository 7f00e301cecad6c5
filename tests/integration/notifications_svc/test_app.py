"""The worker as a whole: from an event in the stream to a mail or a webhook."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.auth import UserRegistered
from contracts.notifications import (
    DeleteWebhook,
    DeliveryStatus,
    GetWebhook,
    ListNotifications,
    Notification,
    PutWebhook,
)
from contracts.notifications import NotificationKind as Kind
from contracts.orders import ShortLine
from contracts.orders_events import OrderCancelled, OrderDelivered, OrderDispatched, OrderRefused
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.errors import RemoteFault
from mesh.core.event import Event
from mesh.events import jetstream
from mesh.events.cloud_event import compose
from mesh.process.run import StartError
from mesh.transport.memory import MemoryTransport
from notifications_svc.app import build
from providers.mongo.database import Database
from subjects import (
    EVENTS_AUTH_USER_REGISTERED,
    EVENTS_ORDERS_CANCELLED,
    EVENTS_ORDERS_DELIVERED,
    EVENTS_ORDERS_DISPATCHED,
    EVENTS_ORDERS_REFUSED,
    NOTIFICATIONS_LIST,
    NOTIFICATIONS_WEBHOOK_DELETE,
    NOTIFICATIONS_WEBHOOK_GET,
    NOTIFICATIONS_WEBHOOK_PUT,
)
from tests.integration.notifications_svc.making import MakeSettings
from tests.support.events.memory_streams import StreamBroker
from tests.support.mail_server import MailServer
from tests.support.mesh.sign_in import SignIn
from tests.support.webhook_server import WebhookServer

NANCY = UserRegistered(
    user_id="u1", email="nancy@mesh.test", registered_at=datetime(2026, 11, 30, tzinfo=UTC), is_new=True
)


@pytest.fixture
def broker() -> StreamBroker:
    broker = StreamBroker()
    broker.add_consumer("notifications")
    return broker


class Mesh:
    """The worker, and the users and services around it."""

    def __init__(self, broker: StreamBroker, sign_in: SignIn) -> None:
        self._client = Client(MemoryTransport(broker))
        self._transport = MemoryTransport(broker)
        self._sign_in = sign_in

    async def announce(self, event: Event[Any], payload: Any, *, times: int = 1) -> None:  # noqa: ANN401  # its payload
        """Publish one event, so many times."""
        outgoing = compose(event, payload, "1")
        for _ in range(times):  # as if the stream had forgotten that it has it
            headers = {**outgoing.headers, "Nats-Msg-Id": str(uuid4())}
            await jetstream.publish(self._transport, event.subject, outgoing.body, headers)

    async def ask(self, endpoint: Any, request: Any, user_id: str = "u1") -> Any:  # noqa: ANN401  # any endpoint's
        """Ask as the user."""
        with working_on(self._sign_in.asking_as("USER", user_id=user_id)):
            return await self._client.call(endpoint, request)

    async def told(self, count: int, user_id: str = "u1") -> list[Notification]:
        """What the user was told, once so many notifications are sent."""
        while True:
            items = (await self.ask(NOTIFICATIONS_LIST, ListNotifications(), user_id)).items
            if sum(one.status is DeliveryStatus.SENT for one in items) == count:
                return [*items]


@pytest.fixture
async def mesh(
    database: Database, broker: StreamBroker, sign_in: SignIn, server: MailServer, make_settings: MakeSettings
) -> AsyncIterator[Mesh]:
    async with AsyncExitStack() as resources:
        settings = make_settings(f"smtp://{server.host}", notifications_webhook_private=True)
        service = await build(settings, MemoryTransport(broker, "notifications"), resources)
        await service.start()
        yield Mesh(broker, sign_in)
        await service.drain()


async def test_a_new_user_is_welcomed_once_however_often_the_event_comes(mesh: Mesh, server: MailServer) -> None:
    await mesh.announce(EVENTS_AUTH_USER_REGISTERED, NANCY, times=3)
    [told] = await mesh.told(1)

    assert (Kind.ACCOUNT_CREATED, "Your account") == (told.kind, told.subject)
    assert ["nancy@mesh.test"] == [mail["To"] for mail in server.mails]


async def test_an_older_account_is_only_remembered(mesh: Mesh, server: MailServer) -> None:
    await mesh.announce(EVENTS_AUTH_USER_REGISTERED, NANCY.model_copy(update={"is_new": False}))
    await mesh.announce(EVENTS_ORDERS_DELIVERED, OrderDelivered(order_id=7, user_id="u1"))
    [told] = await mesh.told(1)

    assert Kind.ORDER_DELIVERED is told.kind
    assert ["Your order 7 has arrived"] == [mail["Subject"] for mail in server.mails]


async def test_each_step_of_an_order_is_told_even_before_the_address_is_known(mesh: Mesh, server: MailServer) -> None:
    short = (ShortLine(product_id=3, wanted=9, in_stock=2),)
    await mesh.announce(EVENTS_ORDERS_REFUSED, OrderRefused(order_id=7, user_id="u1", short=short))
    await mesh.announce(EVENTS_ORDERS_CANCELLED, OrderCancelled(order_id=8, user_id="u1", lines=()))
    await mesh.announce(EVENTS_ORDERS_DISPATCHED, OrderDispatched(order_id=9, user_id="u1", tracking_number="NW-1"))
    await mesh.announce(EVENTS_AUTH_USER_REGISTERED, NANCY)
    told = await mesh.told(4)

    assert {7, 8, 9, None} == {one.order_id for one in told}
    texts = {str(mail["Subject"]): mail.as_string() for mail in server.mails}
    assert "Product 3: you ordered 9, we have 2" in texts["We cannot deliver your order 7"]
    assert "NW-1" in texts["Your order 9 is on its way"]


async def test_an_order_of_nobody_is_told_to_nobody(mesh: Mesh, broker: StreamBroker, server: MailServer) -> None:
    await mesh.announce(EVENTS_ORDERS_DELIVERED, OrderDelivered(order_id=7, user_id=None))
    await mesh.announce(EVENTS_AUTH_USER_REGISTERED, NANCY)
    await mesh.told(1)

    assert 1 == len(server.mails)


async def test_nobody_sees_what_another_was_told(mesh: Mesh) -> None:
    await mesh.announce(EVENTS_AUTH_USER_REGISTERED, NANCY)
    await mesh.told(1)

    assert [] == await mesh.told(0, "u2")


async def test_a_webhook_replaces_mail_until_it_is_deleted(mesh: Mesh, server: MailServer) -> None:
    async with WebhookServer() as hook:
        await mesh.ask(NOTIFICATIONS_WEBHOOK_PUT, PutWebhook(url=f"http://127.0.0.1:{hook.port}/"))
        await mesh.announce(EVENTS_AUTH_USER_REGISTERED, NANCY)
        await mesh.told(1)
        assert (1, 0) == (len(hook.received), len(server.mails))
        await mesh.ask(NOTIFICATIONS_WEBHOOK_DELETE, DeleteWebhook())
        await mesh.announce(EVENTS_ORDERS_DELIVERED, OrderDelivered(order_id=7, user_id="u1"))
        await mesh.told(2)
        assert (1, 1) == (len(hook.received), len(server.mails))


async def test_everybody_has_a_webhook_of_their_own(mesh: Mesh) -> None:
    await mesh.ask(NOTIFICATIONS_WEBHOOK_PUT, PutWebhook(url="https://shop.example/"))

    assert "https://shop.example/" == (await mesh.ask(NOTIFICATIONS_WEBHOOK_GET, GetWebhook())).url
    with pytest.raises(RemoteFault, match="you have no webhook"):
        await mesh.ask(NOTIFICATIONS_WEBHOOK_GET, GetWebhook(), "u2")


async def test_a_ca_that_cannot_be_read_ends_the_start(
    tmp_path: Path, database: Database, broker: StreamBroker, make_settings: MakeSettings
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    settings = make_settings("smtp://127.0.0.1", notifications_smtp_ca=tmp_path / "ca.pem")
    async with AsyncExitStack() as resources:
        with pytest.raises(StartError, match="NOTIFICATIONS_SMTP_CA"):
            await build(settings, MemoryTransport(broker, "notifications"), resources)
