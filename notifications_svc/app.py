"""Builds the notifications worker from its settings, its database, its handlers and its channels."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from contracts.notifications import Channel
from mesh.process.run import StartError
from mesh.service.service import Service
from mesh.transport.base import Transport
from notifications_svc.delivery import Delivery
from notifications_svc.events import NotificationEvents
from notifications_svc.handlers import Handlers
from notifications_svc.mail import Mailer
from notifications_svc.messages import Templates
from notifications_svc.repository import Notifications
from notifications_svc.settings import NotificationsSettings
from providers.mongo.database import probe
from worker.mongo import events, open_mongo
from worker.wiring import wire


async def build(settings: NotificationsSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start. What is due is delivered until the resources are closed.

    Raises StartError if the database is unavailable, or if the CA of the mail server cannot be read.
    """
    database = await open_mongo(settings.notifications_mongodb_url, resources, service="notifications")
    woken = asyncio.Event()
    notifications = Notifications(database, woken.set)
    await notifications.ensure_indexes()
    mailer = _mailer(settings)
    resources.push_async_callback(mailer.close)

    async def find(user_id: str) -> tuple[Channel, str] | None:
        email = await notifications.email(user_id)
        return (Channel.EMAIL, email) if email else None

    delivery = Delivery(
        notifications, find, {Channel.EMAIL: mailer.send}, woken, at_once=settings.notifications_sends_at_once
    )
    await resources.enter_async_context(delivery.running())
    return await wire(
        "notifications",
        settings,
        transport,
        resources,
        description="Tells users what happened, by e-mail or webhook",
        handlers=[Handlers(notifications)],
        events=await events(database, notifications, [NotificationEvents()]),
        probe=partial(probe, database),
    )


def _mailer(settings: NotificationsSettings) -> Mailer:
    try:
        return Mailer(settings, Templates())
    except (OSError, ValueError) as error:
        raise StartError(f"NOTIFICATIONS_SMTP_CA: {error}") from error
