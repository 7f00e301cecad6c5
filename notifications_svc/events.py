"""Turns events into notifications: each once for an event and its recipient."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from pydantic import BaseModel

from contracts.auth import UserRegistered
from contracts.notifications import NotificationKind as Kind
from mesh.events.cloud_event import CloudEvent, handled
from notifications_svc.repository import Notifications
from subjects import EVENTS_AUTH_USER_REGISTERED
from worker.events import handles


class NotificationEvents:
    """The events that somebody is told of. Each method may run again: the notification's id follows from the event."""

    @handles(EVENTS_AUTH_USER_REGISTERED)
    async def user_registered(self, notifications: Notifications, event: UserRegistered) -> None:
        """Remember the address, and welcome a new user."""
        await notifications.know(event.user_id, event.email)
        if event.is_new:
            await _notify(notifications, event.user_id, Kind.ACCOUNT_CREATED, event)


async def _notify(notifications: Notifications, user_id: str | None, kind: Kind, event: BaseModel) -> None:
    """Store a notification of the handled event, if there is somebody to tell."""
    cause = handled()
    if cause is None:
        raise RuntimeError("a notification needs an event")
    if user_id is not None:
        await notifications.add(notification_id(cause, user_id), user_id, kind, event.model_dump(mode="json"))


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
