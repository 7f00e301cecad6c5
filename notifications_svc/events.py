"""Turns events into notifications, one for each event and recipient."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel

from contracts.auth import UserRegistered
from contracts.auth_mail import EmailVerificationRequested, PasswordResetRequested
from contracts.notifications import NotificationKind
from contracts.orders_events import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderDispatched,
    OrderPlaced,
    OrderRefused,
)
from mesh.events.cloud_event import CloudEvent, handled
from notifications_svc.kinds import Kind, TokenMail
from notifications_svc.repository import Notifications
from subjects import (
    EVENTS_AUTH_EMAIL_VERIFICATION_REQUESTED,
    EVENTS_AUTH_PASSWORD_RESET_REQUESTED,
    EVENTS_AUTH_USER_REGISTERED,
    EVENTS_ORDERS_CANCELLED,
    EVENTS_ORDERS_CONFIRMED,
    EVENTS_ORDERS_DELIVERED,
    EVENTS_ORDERS_DISPATCHED,
    EVENTS_ORDERS_PLACED,
    EVENTS_ORDERS_REFUSED,
)
from worker.events import handles

Accept = Callable[[str, str, Kind, Mapping[str, Any]], Awaitable[None]]
"""Takes the notification's id, the user's, the kind, and the fields of the event's payload."""


class NotificationEvents:
    """The events that users are notified of.

    A method may run again, also much later: the notification's id follows from the event, and a user's address stays.
    """

    def __init__(self, notifications: Notifications, accept: Accept) -> None:
        """`accept` stores a notification, once for its id, and has it delivered."""
        self._notifications = notifications
        self._accept = accept

    @handles(EVENTS_AUTH_USER_REGISTERED)
    async def user_registered(self, event: UserRegistered) -> None:
        """Store the address, and welcome a new user."""
        await self._notifications.know(event.user_id, event.email)
        if event.is_new:
            await self._notify(event.user_id, NotificationKind.ACCOUNT_CREATED, event)

    @handles(EVENTS_AUTH_PASSWORD_RESET_REQUESTED)
    async def password_reset_requested(self, event: PasswordResetRequested) -> None:
        """Mail the token that resets the password."""
        await self._notify(event.user_id, TokenMail.PASSWORD_RESET, event)

    @handles(EVENTS_AUTH_EMAIL_VERIFICATION_REQUESTED)
    async def email_verification_requested(self, event: EmailVerificationRequested) -> None:
        """Mail the token that verifies the address."""
        await self._notify(event.user_id, TokenMail.EMAIL_VERIFICATION, event)

    @handles(EVENTS_ORDERS_PLACED)
    async def placed(self, event: OrderPlaced) -> None:
        """Tell the user that the order was received."""
        await self._notify(event.user_id, NotificationKind.ORDER_PLACED, event)

    @handles(EVENTS_ORDERS_CONFIRMED)
    async def confirmed(self, event: OrderConfirmed) -> None:
        """Tell the user that the goods are reserved."""
        await self._notify(event.user_id, NotificationKind.ORDER_CONFIRMED, event)

    @handles(EVENTS_ORDERS_REFUSED)
    async def refused(self, event: OrderRefused) -> None:
        """Tell the user which products are short."""
        await self._notify(event.user_id, NotificationKind.ORDER_REFUSED, event)

    @handles(EVENTS_ORDERS_CANCELLED)
    async def cancelled(self, event: OrderCancelled) -> None:
        """Tell the user that the order is cancelled."""
        await self._notify(event.user_id, NotificationKind.ORDER_CANCELLED, event)

    @handles(EVENTS_ORDERS_DISPATCHED)
    async def dispatched(self, event: OrderDispatched) -> None:
        """Tell the user the tracking number."""
        await self._notify(event.user_id, NotificationKind.ORDER_DISPATCHED, event)

    @handles(EVENTS_ORDERS_DELIVERED)
    async def delivered(self, event: OrderDelivered) -> None:
        """Tell the user that the goods have arrived."""
        await self._notify(event.user_id, NotificationKind.ORDER_DELIVERED, event)

    async def _notify(self, user_id: str | None, kind: Kind, event: BaseModel) -> None:
        """Store a notification of the handled event, if there is somebody to tell."""
        cause = handled()
        if cause is None:
            raise RuntimeError("a notification needs an event")
        if user_id is not None:
            await self._accept(notification_id(cause, user_id), user_id, kind, event.model_dump(mode="json"))


def notification_id(event: CloudEvent, user_id: str) -> str:
    """The id for the event and the recipient: 12 hex digits of the event's time, so that ids sort by it, then 20."""
    return f"{_milliseconds(event.time):012x}{uuid5(UUID(event.id), user_id).hex[:20]}"


def _milliseconds(time: str) -> int:
    try:
        at = datetime.fromisoformat(time)
    except ValueError:  # its publisher does not say
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, int(at.timestamp() * 1000))
