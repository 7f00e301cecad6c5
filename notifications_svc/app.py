"""Builds the notifications worker from its settings, its database, its handlers and its channels."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from contracts.notifications import Channel
from mesh.client.client import Client
from mesh.process.run import StartError
from mesh.security.encryption import Cipher
from mesh.service.service import Service
from mesh.transport.base import Transport
from notifications_svc.delivery import Delivery
from notifications_svc.events import NotificationEvents
from notifications_svc.handlers import Handlers
from notifications_svc.kinds import TokenMail
from notifications_svc.mail import Mailer
from notifications_svc.mailed_tokens import TokenMails
from notifications_svc.messages import Templates
from notifications_svc.repository import Due, Notifications
from notifications_svc.settings import NotificationsSettings
from notifications_svc.webhook_repository import UnreadableSecret, Webhooks
from notifications_svc.webhook_sender import WebhookSender
from providers.mongo.database import Database, probe
from worker.events import Events
from worker.mongo import connections, open_mongo
from worker.wiring import wire


async def build(settings: NotificationsSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start. Deliveries run until the resources are closed.

    Raises StartError if the database is unavailable, if a secret of a webhook cannot be decrypted, or if the CA of the
    mail server cannot be read.
    """
    database = await open_mongo(settings.notifications_mongodb_url, resources, service="notifications")
    woken = asyncio.Event()
    notifications = Notifications(database, woken.set)
    await notifications.ensure_indexes()
    mailer = _mailer(settings, TokenMails(settings, Client(transport)))
    resources.push_async_callback(mailer.close)

    webhooks = await _webhooks(settings, database)
    sender = WebhookSender(settings, webhooks)
    resources.push_async_callback(sender.close)

    async def find(due: Due) -> tuple[Channel, str] | None:
        # A token proves that one reads the mail: it never goes to a webhook.
        if due.kind not in TokenMail and (target := await webhooks.find_active(due.user_id)) is not None:
            return Channel.WEBHOOK, target.url
        email = await notifications.email(due.user_id)
        return (Channel.EMAIL, email) if email else None

    channels = {Channel.EMAIL: mailer.send, Channel.WEBHOOK: sender.send}
    delivery = Delivery(notifications, find, channels, woken, at_once=settings.notifications_sends_at_once)
    await resources.enter_async_context(delivery.running())
    service = await wire(
        "notifications",
        settings,
        transport,
        resources,
        description="Notifies users by e-mail or webhook",
        handlers=[Handlers(notifications, webhooks, private=settings.notifications_webhook_private)],
        events=Events([NotificationEvents(notifications, delivery.accept)]),
        probe=partial(probe, database),
        sources=[partial(connections, database, "notifications")],
    )
    service.statistics = delivery.statistics
    delivery.tracer = lambda: service.tracer
    return service


async def _webhooks(settings: NotificationsSettings, database: Database) -> Webhooks:
    keys = [key.get_secret_value() for key in settings.notifications_webhook_encryption_key]
    webhooks = Webhooks(database, Cipher(*keys))
    try:
        await webhooks.encrypt_again()
    except UnreadableSecret as error:
        raise StartError(str(error)) from error
    return webhooks


def _mailer(settings: NotificationsSettings, tokens: TokenMails) -> Mailer:
    try:
        return Mailer(settings, Templates(), tokens.complete)
    except (OSError, ValueError) as error:
        raise StartError(f"NOTIFICATIONS_SMTP_CA: {error}") from error
