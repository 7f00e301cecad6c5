"""The shapes of `/v1/notifications`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from contracts import notifications as contract
from contracts.base import Id, Items, Request
from contracts.notifications import (
    Channel,
    DeliveryStatus,
    ListNotifications,
    NotificationId,
    NotificationKind,
    WebhookUrl,
)
from gateway.api.schemas import PageLimit, Query, Shown

_ID = "0193798f4c1d5f8a3c6e0168f0c2a91b"
_URL = "https://shop.example/northwind"


class Notification(Shown[contract.Notification]):
    """A message to a user about one event."""

    notification_id: Annotated[NotificationId, Field(examples=[_ID])]
    kind: NotificationKind
    order_id: Annotated[Id | None, Field(examples=[11078])]
    subject: Annotated[str, Field(max_length=80, examples=["Your order 11078 is confirmed"])]
    status: DeliveryStatus
    channel: Channel | None
    created_at: datetime
    sent_at: datetime | None


class NotificationPage(Shown[contract.NotificationPage]):
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[Notification]
    next_cursor: Annotated[NotificationId | None, Field(examples=[_ID])]


class NotificationQuery(Query):
    """The page of the list."""

    limit: PageLimit = 50
    cursor: Annotated[NotificationId | None, Field(description="`next_cursor` of the previous page.")] = None

    def to_contract(self) -> ListNotifications:
        """The request to the service."""
        return ListNotifications(limit=self.limit, cursor=self.cursor)


class WebhookUpdate(Request):
    """The URL that receives notifications instead of e-mail."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": _URL}]})

    url: WebhookUrl


class Webhook(Shown[contract.Webhook]):
    """A URL that receives notifications, signed according to Standard Webhooks."""

    url: Annotated[str, Field(max_length=1000, examples=[_URL])]
    active: bool
    created_at: datetime
    failing_since: datetime | None


class NewWebhook(Shown[contract.NewWebhook]):
    """A new webhook with the secret that signs its messages. The secret is shown only once."""

    url: Annotated[str, Field(max_length=1000, examples=[_URL])]
    active: bool
    created_at: datetime
    failing_since: datetime | None
    secret: Annotated[
        str, Field(repr=False, max_length=64, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwhJqsyFTc2vU="])
    ]
