"""The payloads of `notifications.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.base import Id, Items, Limit, Reply, Request

NotificationId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Sorts by the time of the event."""


class NotificationKind(StrEnum):
    """What a notification tells of."""

    ACCOUNT_CREATED = "account_created"
    ORDER_PLACED = "order_placed"
    ORDER_CONFIRMED = "order_confirmed"
    ORDER_REFUSED = "order_refused"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_DISPATCHED = "order_dispatched"
    ORDER_DELIVERED = "order_delivered"


class Channel(StrEnum):
    """How a notification is delivered."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class DeliveryStatus(StrEnum):
    """How far the delivery is. It is tried again until it is sent or has failed."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Notification(Reply):
    """A message to a user about one event."""

    notification_id: NotificationId
    kind: NotificationKind
    order_id: Id | None
    subject: Annotated[str, Field(max_length=80)]
    """The subject line of the e-mail."""
    status: DeliveryStatus
    channel: Channel | None
    """Null until the first attempt."""
    created_at: datetime
    sent_at: datetime | None


class ListNotifications(Request):
    """The caller's notifications, newest event first, page by page. The cursor is the id of the last one."""

    limit: Limit = 50
    cursor: NotificationId | None = None


class NotificationPage(Reply):
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[Notification]
    next_cursor: NotificationId | None
