"""The payloads of `notifications.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.base import Id, Items, Limit, Reason, Reply, Request

NotificationId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Sorts by the time of the event."""
WebhookUrl = Annotated[str, Field(min_length=10, max_length=1000, pattern=r"^https?://[!-~]+$")]


class NotificationReason(Reason):
    """Why an endpoint of notifications refuses."""

    WEBHOOK_NOT_FOUND = "not_found", "webhook_not_found"
    INVALID_URL = "invalid_argument", "invalid_webhook_url"


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


class GetWebhook(Request):
    """Get the caller's webhook."""


class PutWebhook(Request):
    """Deliver the caller's notifications to this URL instead of by e-mail. Each call makes a new secret."""

    url: WebhookUrl


class DeleteWebhook(Request):
    """Deliver the caller's notifications by e-mail again. Twice is no error."""


class Webhook(Reply):
    """Where notifications are sent, signed as Standard Webhooks says.

    A webhook that fails for two days becomes inactive, and e-mail is used again.
    """

    url: Annotated[str, Field(max_length=1000)]
    active: bool
    created_at: datetime
    failing_since: datetime | None
    """When the first of the failures since the last success was; null if the last delivery succeeded."""


class NewWebhook(Webhook):
    """A webhook with the secret that signs its messages. It is not shown again."""

    secret: Annotated[str, Field(repr=False, max_length=64)]


class WebhookDeleted(Reply):
    """There is no webhook now."""

    deleted: Literal[True] = True
