"""What an event's handler gives to the delivery is stored once, and delivered at once if there is room."""

import asyncio

import pytest

from contracts.notifications import Channel, DeliveryStatus, ListNotifications
from contracts.notifications import NotificationKind as Kind
from notifications_svc.delivery import Delivery
from notifications_svc.repository import Due, Notifications
from providers.mongo.database import Database

VALUES = {"user_id": "u1", "email": "u1@mesh.test"}
NEVER = 1000.0


class Channels:
    """A channel that counts what it is given."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def find(self, _: Due) -> tuple[Channel, str]:
        return Channel.EMAIL, "u1@mesh.test"

    async def send(self, due: Due, _: str) -> None:
        self.sent.append(due.notification_id)


@pytest.fixture
def channels() -> Channels:
    return Channels()


@pytest.fixture
def delivery(notifications: Notifications, channels: Channels, woken: asyncio.Event) -> Delivery:
    sends = {Channel.EMAIL: channels.send}
    return Delivery(notifications, channels.find, sends, woken, at_once=2, poll=NEVER)


async def accept(delivery: Delivery, notification_id: str) -> None:
    await delivery.accept(notification_id, "u1", Kind.ACCOUNT_CREATED, VALUES)


async def test_each_is_delivered_once_with_or_without_room(
    notifications: Notifications, delivery: Delivery, channels: Channels
) -> None:
    ids = [f"{number:032x}" for number in range(12)]
    async with delivery.running():
        await asyncio.gather(*(accept(delivery, one) for one in 2 * ids))
        while {DeliveryStatus.SENT} != await statuses(notifications):
            await asyncio.sleep(0.01)

    assert ids == sorted(channels.sent)


async def statuses(notifications: Notifications) -> set[DeliveryStatus]:
    return {one.status for one in (await notifications.list("u1", ListNotifications(limit=200))).items}


async def test_what_is_accepted_while_nothing_runs_waits_unclaimed(delivery: Delivery, database: Database) -> None:
    await accept(delivery, "1")

    found = await database["notifications"].find_one({})
    assert found is not None
    assert "claimed" not in found


async def test_what_is_delivered_at_once_is_claimed_first(
    delivery: Delivery, channels: Channels, database: Database
) -> None:
    async with delivery.running():
        await accept(delivery, "1")
        found = await database["notifications"].find_one({"_id": "1"})
        while not channels.sent:
            await asyncio.sleep(0.01)

    assert found is not None
    assert found.get("claimed") or found["status"] == DeliveryStatus.SENT
