"""Deliveries from a real database over real SMTP: each once, again after a failure, and by several processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from contracts.notifications import Channel, DeliveryStatus, ListNotifications, Notification
from contracts.notifications import NotificationKind as Kind
from mesh.core.errors import Unavailable
from notifications_svc.channel import Away, Later, Undeliverable
from notifications_svc.delivery import Delivery, pause_after
from notifications_svc.mail import Mailer
from notifications_svc.messages import Templates
from notifications_svc.repository import Due, Notifications
from notifications_svc.route import Send
from providers.mongo.database import Database
from providers.mongo.operation import now
from tests.integration.notifications_svc.making import MakeSettings
from tests.support.mail_server import MailServer

Start = Callable[[Send], Awaitable[Delivery]]
WELCOME = {"user_id": "u1", "email": "u1@mesh.test"}


class AwayAfterSending(Notifications):
    """A database that is away each time that a delivery was made, twice."""

    outages = 0

    async def sent(self, due: Due, channel: Channel) -> None:
        """Raise, then record."""
        self.outages += 1
        if self.outages <= 2:
            raise Unavailable("database_unavailable", "away")
        await super().sent(due, channel)


@pytest.fixture
async def start(notifications: Notifications, woken: asyncio.Event) -> AsyncIterator[Start]:
    """Starts a process that delivers."""
    async with AsyncExitStack() as running:

        async def find(due: Due) -> tuple[Channel, str] | None:
            email = await notifications.email(due.user_id)
            return (Channel.EMAIL, email) if email else None

        async def start(send: Send) -> Delivery:
            delivery = Delivery(notifications, find, {Channel.EMAIL: send}, woken, at_once=4, poll=0.02)
            await running.enter_async_context(delivery.running())
            return delivery

        yield start


@pytest.fixture
async def mail(server: MailServer, make_settings: MakeSettings) -> AsyncIterator[Send]:
    """Delivery to the mail server."""
    mailer = Mailer(make_settings(f"smtp://{server.host}"), Templates())
    yield mailer.send
    await mailer.close()


async def add(notifications: Notifications, number: int = 1, user_id: str = "u1") -> None:
    await notifications.add(f"{number:032x}", user_id, Kind.ACCOUNT_CREATED, WELCOME)


async def listed(notifications: Notifications, user_id: str = "u1") -> list[Notification]:
    return [*(await notifications.list(user_id, ListNotifications(limit=200))).items]


async def ended(notifications: Notifications, count: int = 1) -> list[Notification]:
    """The notifications of u1, once all are sent or have failed."""
    while True:
        found = await listed(notifications)
        if len(found) == count and all(one.status is not DeliveryStatus.WAITING for one in found):
            return found
        await asyncio.sleep(0.01)


async def stored(database: Database, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The one notification, once the condition holds."""
    while True:
        found: dict[str, Any] | None = await database["notifications"].find_one()
        if found and condition(found):
            return found
        await asyncio.sleep(0.01)


async def test_a_notification_is_mailed_and_recorded(
    notifications: Notifications, server: MailServer, start: Start, mail: Send
) -> None:
    await start(mail)
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    [sent] = await ended(notifications)

    assert (DeliveryStatus.SENT, Channel.EMAIL) == (sent.status, sent.channel)
    assert sent.sent_at is not None
    assert ["u1@mesh.test"] == [mail["To"] for mail in server.mails]


async def test_an_event_that_is_applied_again_is_mailed_once(
    notifications: Notifications, server: MailServer, start: Start, mail: Send
) -> None:
    await start(mail)
    await notifications.know("u1", "u1@mesh.test")
    await asyncio.gather(*(add(notifications) for _ in range(5)))
    await ended(notifications)
    await add(notifications)
    await add(notifications, 2)
    await ended(notifications, 2)

    assert 2 == len(server.mails)


async def test_several_processes_share_the_work(
    notifications: Notifications, server: MailServer, start: Start, mail: Send
) -> None:
    await notifications.know("u1", "u1@mesh.test")
    for number in range(1, 41):
        await add(notifications, number)
    for _ in range(3):
        await start(mail)
    await ended(notifications, 40)

    assert 40 == len({mail["Message-ID"] for mail in server.mails}) == len(server.mails)


async def test_a_user_whose_address_comes_later_is_told_at_once(
    notifications: Notifications, database: Database, server: MailServer, start: Start, mail: Send
) -> None:
    await start(mail)
    await add(notifications)
    waiting = await stored(database, lambda found: found["attempts"] == 1)
    assert "the address of the user is not known yet" == waiting["error"]
    await notifications.know("u1", "u1@mesh.test")
    await ended(notifications)

    assert 1 == len(server.mails)


async def test_an_address_that_is_told_again_has_nothing_sent_twice(notifications: Notifications) -> None:
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    assert await notifications.claim() is not None
    await notifications.know("u1", "u1@mesh.test")

    assert await notifications.claim() is None


async def test_mail_waits_while_the_server_is_away_and_is_sent_when_it_is_back(
    notifications: Notifications, database: Database, server: MailServer, start: Start, mail: Send
) -> None:
    await server.stop()
    await start(mail)
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    waiting = await stored(database, lambda found: "error" in found)
    assert (0, "waiting") == (waiting["attempts"], waiting["status"])
    await server.start()
    await ended(notifications)

    assert 1 == len(server.mails)


async def test_a_permanent_refusal_is_not_tried_again(
    notifications: Notifications, database: Database, server: MailServer, start: Start, mail: Send
) -> None:
    server.refusal = lambda _: "550 no such user"
    await start(mail)
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    [failed] = await ended(notifications)

    assert DeliveryStatus.FAILED is failed.status
    assert "550 no such user" == (await stored(database, lambda _: True))["error"]


async def test_a_refusal_for_now_is_tried_again_after_a_pause(
    notifications: Notifications, database: Database, server: MailServer, start: Start, mail: Send
) -> None:
    server.refusal = lambda _: "450 greylisted"
    delivery = await start(mail)
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    waiting = await stored(database, lambda found: found["attempts"] == 1)
    assert timedelta(seconds=4) < waiting["due_at"] - waiting["created_at"]
    server.refusal = lambda _: None
    await database["notifications"].update_one({}, {"$set": {"due_at": now()}})
    await ended(notifications)

    assert 1 == len(server.mails)
    counted = delivery.statistics()["deliveries"]["email"]
    assert (1, 1, 1, 0, 0) == tuple(counted[name] for name in ("sent", "errors", "retried", "failed", "running"))
    assert "450 greylisted" in counted["last_error"]


async def test_a_delivery_is_given_up_after_three_days(
    notifications: Notifications, database: Database, start: Start
) -> None:
    async def never(due: Due, address: str) -> None:
        raise Later("not now")

    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    await database["notifications"].update_one({}, {"$set": {"created_at": now() - timedelta(days=3, seconds=1)}})
    delivery = await start(never)
    [failed] = await ended(notifications)

    assert DeliveryStatus.FAILED is failed.status
    counted = delivery.statistics()["deliveries"]["email"]
    assert (0, 1, 0, 1) == tuple(counted[name] for name in ("sent", "errors", "retried", "failed"))


async def test_a_message_that_breaks_its_channel_holds_nobody_up(
    notifications: Notifications, database: Database, start: Start
) -> None:
    async def broken(due: Due, address: str) -> None:
        if due.notification_id == f"{1:032x}":
            raise ZeroDivisionError

    await notifications.know("u1", "u1@mesh.test")
    await add(notifications, 1)
    await add(notifications, 2)
    await start(broken)
    while [DeliveryStatus.SENT, DeliveryStatus.WAITING] != [one.status for one in await listed(notifications)]:
        await asyncio.sleep(0.01)
    waiting = await stored(database, lambda found: found["attempts"] == 1)

    assert "ZeroDivisionError: " == waiting["error"]


async def test_what_a_dead_process_has_claimed_is_taken_over(
    notifications: Notifications, database: Database, server: MailServer, start: Start, mail: Send
) -> None:
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)
    claimed = await notifications.claim()
    assert claimed is not None
    assert await notifications.claim() is None
    await database["notifications"].update_one({}, {"$set": {"due_at": now()}})
    await start(mail)
    await ended(notifications)

    assert 1 == len(server.mails)


async def test_a_delivery_is_made_once_though_the_database_is_away_after_it(
    database: Database, server: MailServer, mail: Send, woken: asyncio.Event
) -> None:
    notifications = AwayAfterSending(database, woken.set)
    await notifications.know("u1", "u1@mesh.test")
    await add(notifications)

    async def find(_: Due) -> tuple[Channel, str]:
        return Channel.EMAIL, "u1@mesh.test"

    async with Delivery(notifications, find, {Channel.EMAIL: mail}, woken, at_once=1, poll=0.02).running():
        await ended(notifications)

    assert (3, 1) == (notifications.outages, len(server.mails))


@pytest.mark.parametrize("error", [Away("gone"), Later("not now"), Undeliverable("never")])
async def test_a_sent_notification_stays_sent(
    notifications: Notifications, database: Database, error: Exception
) -> None:
    await add(notifications)
    claimed = await notifications.claim()
    assert claimed is not None
    await notifications.sent(claimed, Channel.EMAIL)
    await notifications.postpone(claimed, Channel.EMAIL, str(error), 0)

    assert await notifications.claim() is None


def test_pauses_grow_to_an_hour() -> None:
    assert [5, 20, 80, 320, 1280, 3600, 3600] == [pause_after(attempts) for attempts in range(7)]


async def test_pages_have_the_newest_event_first_and_only_ones_own(notifications: Notifications) -> None:
    for number in range(1, 6):
        await add(notifications, number)
    await add(notifications, 9, "u2")
    seen: list[str] = []
    cursor = None
    while True:
        page = await notifications.list("u1", ListNotifications(limit=2, cursor=cursor))
        seen += [one.notification_id for one in page.items]
        if (cursor := page.next_cursor) is None:
            break

    assert [f"{number:032x}" for number in (5, 4, 3, 2, 1)] == seen
