"""The handlers of `notifications.*`, one method per endpoint."""

from contracts.notifications import ListNotifications, NotificationPage
from mesh.core import context
from notifications_svc.repository import Notifications
from subjects import NOTIFICATIONS_LIST
from worker.answers import answers


class Handlers:
    """The endpoints of the notifications service. Everybody has their own notifications only."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    @answers(NOTIFICATIONS_LIST)
    async def list(self, request: ListNotifications) -> NotificationPage:
        """A page of the caller's notifications, newest event first."""
        return await self._notifications.list(context.caller().user_id, request)
