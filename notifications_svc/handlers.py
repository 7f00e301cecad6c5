"""The handlers of `notifications.*`, one method per endpoint."""

from contracts.notifications import (
    DeleteWebhook,
    GetWebhook,
    ListNotifications,
    NewWebhook,
    NotificationPage,
    NotificationReason,
    PutWebhook,
    Webhook,
    WebhookDeleted,
)
from mesh.core import context
from mesh.core.errors import Invalid
from notifications_svc.repository import Notifications
from notifications_svc.webhook_repository import Webhooks
from notifications_svc.webhook_urls import place
from subjects import (
    NOTIFICATIONS_LIST,
    NOTIFICATIONS_WEBHOOK_DELETE,
    NOTIFICATIONS_WEBHOOK_GET,
    NOTIFICATIONS_WEBHOOK_PUT,
)
from worker.answers import answers


class Handlers:
    """The endpoints of the notifications service. Users see their own notifications and their own webhook."""

    def __init__(self, notifications: Notifications, webhooks: Webhooks, *, private: bool) -> None:
        """`private`: whether a webhook may have a private address."""
        self._notifications = notifications
        self._webhooks = webhooks
        self._private = private

    @answers(NOTIFICATIONS_LIST)
    async def list(self, request: ListNotifications) -> NotificationPage:
        """A page of the caller's notifications, newest event first."""
        return await self._notifications.list(context.caller().user_id, request)

    @answers(NOTIFICATIONS_WEBHOOK_GET)
    async def get_webhook(self, _: GetWebhook) -> Webhook:
        """The caller's webhook, without its secret. Raises NotFound."""
        return await self._webhooks.get(context.caller().user_id)

    @answers(NOTIFICATIONS_WEBHOOK_PUT)
    async def put_webhook(self, request: PutWebhook) -> NewWebhook:
        """The caller's new webhook, with its secret. Raises Invalid for a URL that is not allowed."""
        try:
            place(request.url, private=self._private)
        except ValueError as error:
            raise Invalid.field("url", NotificationReason.INVALID_URL, str(error)) from None
        return await self._webhooks.put(context.caller().user_id, request.url)

    @answers(NOTIFICATIONS_WEBHOOK_DELETE)
    async def delete_webhook(self, _: DeleteWebhook) -> WebhookDeleted:
        """Delete the caller's webhook, if there is one."""
        await self._webhooks.delete(context.caller().user_id)
        return WebhookDeleted()
