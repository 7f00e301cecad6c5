"""Webhooks on a real web server: signed, never redirected, retried, and deactivated after long failure."""

import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.notifications import NotificationKind
from mesh.core.errors import NotFound
from mesh.security.encryption import Cipher
from notifications_svc.channel import Later
from notifications_svc.repository import Due
from notifications_svc.webhook_repository import Webhooks
from notifications_svc.webhook_sender import WebhookSender
from ops.certificates import Authority
from providers.mongo.database import Database
from providers.mongo.operation import now
from tests.integration.notifications_svc.making import KEY, MakeSettings
from tests.support.webhook_server import WebhookServer

DUE = Due(
    "0193798f4c1d5f8a3c6e0168f0c2a91b",
    "u1",
    NotificationKind.ORDER_DELIVERED,
    {"order_id": 7, "user_id": "u1"},
    datetime(2026, 11, 30, 18, tzinfo=UTC),
    0,
)
Send = Callable[[], Awaitable[None]]


@pytest.fixture
def webhooks(database: Database) -> Webhooks:
    return Webhooks(database, Cipher(KEY))


@pytest.fixture
async def hook() -> AsyncIterator[WebhookServer]:
    async with WebhookServer() as hook:
        yield hook


@pytest.fixture
async def send(make_settings: MakeSettings, webhooks: Webhooks) -> AsyncIterator[Send]:
    """Sends DUE; private addresses are allowed."""
    settings = make_settings("smtp://127.0.0.1", notifications_webhook_private=True)
    sender = WebhookSender(settings, webhooks)

    async def send() -> None:
        await sender.send(DUE, "")

    yield send
    await sender.close()


async def test_a_message_is_signed_with_the_secret_of_its_user(
    webhooks: Webhooks, hook: WebhookServer, send: Send
) -> None:
    webhook = await webhooks.put("u1", f"http://127.0.0.1:{hook.port}/in?from=shop")
    await send()

    [got] = hook.received
    signed = f"{DUE.notification_id}.{got.headers['webhook-timestamp']}.".encode() + got.body
    digest = hmac.digest(base64.b64decode(webhook.secret.removeprefix("whsec_")), signed, hashlib.sha256)
    assert f"v1,{base64.b64encode(digest).decode()}".lower() == got.headers["webhook-signature"]
    assert (DUE.notification_id, "/in?from=shop") == (got.headers["webhook-id"], got.path)
    assert f"127.0.0.1:{hook.port}" == got.headers["host"]


@pytest.mark.parametrize("status", ["500 Oops", "404 Not Found", "301 Moved\r\nLocation: http://127.0.0.1:1/", "100 x"])
async def test_every_other_status_is_a_failure_and_no_redirect_is_followed(
    webhooks: Webhooks, hook: WebhookServer, send: Send, status: str
) -> None:
    await webhooks.put("u1", f"http://127.0.0.1:{hook.port}/")
    hook.answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(Later):
        await send()

    assert 1 == len(hook.received)
    assert (await webhooks.get("u1")).failing_since is not None


async def test_an_endless_answer_is_not_read(webhooks: Webhooks, hook: WebhookServer, send: Send) -> None:
    await webhooks.put("u1", f"http://127.0.0.1:{hook.port}/")
    hook.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n"
    await send()

    assert 1 == len(hook.received)


async def test_a_private_address_is_never_connected_to(
    make_settings: MakeSettings, webhooks: Webhooks, hook: WebhookServer
) -> None:
    sender = WebhookSender(make_settings("smtp://127.0.0.1"), webhooks)
    for url in (
        f"https://127.0.0.1:{hook.port}/",
        f"https://localhost.:{hook.port}/",
        f"http://127.0.0.1:{hook.port}/",
    ):
        await webhooks.put("u1", url)
        with pytest.raises(Later):
            await sender.send(DUE, "")
    await sender.close()

    assert [] == hook.received


async def test_the_certificate_must_be_that_of_the_host(
    tmp_path: Path, make_settings: MakeSettings, webhooks: Webhooks
) -> None:
    Authority(tmp_path).issue("server", ["localhost"])
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(tmp_path / "server.pem", tmp_path / "server-key.pem")
    settings = make_settings("smtp://127.0.0.1", notifications_webhook_private=True)
    trusting = WebhookSender(settings, webhooks, ssl.create_default_context(cafile=str(tmp_path / "ca.pem")))
    async with WebhookServer(serves) as hook:
        await webhooks.put("u1", f"https://127.0.0.1:{hook.port}/")
        with pytest.raises(Later, match="certificate"):
            await trusting.send(DUE, "")
        await webhooks.put("u1", f"https://localhost:{hook.port}/")
        await trusting.send(DUE, "")
        assert 1 == len(hook.received)
    await trusting.close()


async def test_a_success_ends_a_series_of_failures(webhooks: Webhooks, hook: WebhookServer, send: Send) -> None:
    await webhooks.put("u1", f"http://127.0.0.1:{hook.port}/")
    good, hook.answer = hook.answer, b"HTTP/1.1 500 Oops\r\n\r\n"
    with pytest.raises(Later):
        await send()
    hook.answer = good
    await send()

    assert (await webhooks.get("u1")).failing_since is None


async def test_a_webhook_that_fails_for_two_days_is_inactive(
    webhooks: Webhooks, database: Database, hook: WebhookServer, send: Send
) -> None:
    await webhooks.put("u1", f"http://127.0.0.1:{hook.port}/")
    hook.answer = b"HTTP/1.1 500 Oops\r\n\r\n"
    for age, active in ((timedelta(0), True), (timedelta(days=2, seconds=1), False)):
        await database["webhooks"].update_one({}, {"$set": {"failing_since": now() - age}})
        with pytest.raises(Later):
            await send()
        assert active == (await webhooks.get("u1")).active

    assert await webhooks.find_active("u1") is None


async def test_a_webhook_that_is_gone_is_inactive_at_once(webhooks: Webhooks, hook: WebhookServer, send: Send) -> None:
    await webhooks.put("u1", f"http://127.0.0.1:{hook.port}/")
    hook.answer = b"HTTP/1.1 410 Gone\r\n\r\n"
    with pytest.raises(Later):
        await send()

    assert not (await webhooks.get("u1")).active


async def test_a_new_webhook_has_a_new_secret_and_is_shown_without_it(webhooks: Webhooks) -> None:
    first = await webhooks.put("u1", "https://a.example/")
    second = await webhooks.put("u1", "https://a.example/")

    assert first.secret != second.secret
    assert second.secret not in (await webhooks.get("u1")).model_dump_json()
    assert second.secret not in repr(second)


async def test_a_deleted_webhook_is_not_found(webhooks: Webhooks) -> None:
    await webhooks.put("u1", "https://a.example/")
    for _ in range(2):
        await webhooks.delete("u1")

    with pytest.raises(NotFound):
        await webhooks.get("u1")
