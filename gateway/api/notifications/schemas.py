"""The shapes of `/v1/notifications`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from contracts import notifications as contract
from contracts.base import Id, Items
from contracts.notifications import Channel, DeliveryStatus, ListNotifications, NotificationId, NotificationKind
from gateway.api.schemas import PageLimit, Query, Shown

_ID = "0193798f4c1d5f8a3c6e0168f0c2a91b"


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
    """Which page of the list."""

    limit: PageLimit = 50
    cursor: Annotated[NotificationId | None, Field(description="`next_cursor` of the previous page.")] = None

    def to_contract(self) -> ListNotifications:
        """The request to the worker."""
        return ListNotifications(limit=self.limit, cursor=self.cursor)
