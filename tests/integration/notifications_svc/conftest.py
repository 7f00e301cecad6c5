import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from devstack.servers.all import Servers
from notifications_svc.repository import Notifications
from notifications_svc.settings import NotificationsSettings
from providers.mongo.database import Database, open_database
from tests.integration.notifications_svc.making import KEY, MakeSettings
from tests.support.mail_server import MailServer


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
def make_settings(databases: Servers) -> MakeSettings:
    """Makes settings with the URL of a mail server and others."""

    def make(smtp_url: str, **others: object) -> NotificationsSettings:
        return NotificationsSettings.model_validate(
            {
                "notifications_mongodb_url": databases.urls["notifications"],
                "notifications_webhook_encryption_key": base64.b64encode(KEY).decode(),
                "notifications_smtp_url": smtp_url,
                "notifications_from": "shop@northwind.example",
                "notifications_smtp_timeout": 5,
                **others,
            }
        )

    return make


@pytest.fixture
async def database(databases: Servers) -> AsyncIterator[Database]:
    """The database, empty."""
    url = SecretStr(databases.urls["notifications"])
    async with open_database(url, default_name="notifications") as database:
        for collection in ("notifications", "recipients", "webhooks"):
            await database.drop_collection(collection)
        yield database


@pytest.fixture
def woken() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def notifications(database: Database, woken: asyncio.Event) -> Notifications:
    notifications = Notifications(database, woken.set)
    await notifications.ensure_indexes()
    return notifications
