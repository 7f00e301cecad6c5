"""The payloads of `notifications.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Form, Id, Items, Limit, Reason, Reply, Request

NotificationId = Annotated[str, Form(r"^[0-9a-f]{32}$", "must be 32 digits of 0-9 and a-f")]
"""Ids sort by the time of the event."""
WebhookUrl = Annotated[
    str, Form(r"^https?://[!-~]+$", "must be a URL such as https://shop.example/northwind", 10, 1000)
]


class NotificationReason(Reason):
    """Reasons of the faults of notifications."""

    WEBHOOK_NOT_FOUND = "not_found", "webhook_not_found"
    INVALID_URL = "invalid_argument", "invalid_webhook_url"


class NotificationKind(StrEnum):
    """The event that a notification reports."""

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
    """The state of a delivery. A waiting delivery is retried until it is sent or has failed."""

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
    """List the caller's notifications, newest event first. The cursor is the id of the last one on a page."""

    limit: Limit = 50
    cursor: NotificationId | None = None


class NotificationPage(Reply):
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[Notification]
    next_cursor: NotificationId | None


class GetWebhook(Request):
    """Get the caller's webhook."""


class PutWebhook(Request):
    """Deliver the caller's notifications to this URL instead of by e-mail. Each call creates a new secret."""

    url: WebhookUrl


class DeleteWebhook(Request):
    """Deliver the caller's notifications by e-mail again. Repeating this has no effect."""


class Webhook(Reply):
    """A URL that receives the user's notifications, signed according to Standard Webhooks.

    A webhook that fails for two days becomes inactive. Notifications then go by e-mail again.
    """

    url: Annotated[str, Field(max_length=1000)]
    active: bool
    created_at: datetime
    failing_since: datetime | None
    """When the first failure since the last success occurred. Null if the last delivery succeeded."""


class NewWebhook(Webhook):
    """A new webhook with the secret that signs its messages. The secret is shown only once."""

    secret: Annotated[str, Field(repr=False, max_length=64)]


class WebhookDeleted(Reply):
    """The webhook is deleted."""

    deleted: Literal[True] = True
