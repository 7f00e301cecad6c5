"""`/v1/notifications`: a user's notifications and their webhook."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from contracts.notifications import DeleteWebhook, GetWebhook, ListNotifications, PutWebhook, WebhookDeleted
from gateway.api.notifications.schemas import (
    NewWebhook,
    NotificationPage,
    NotificationQuery,
    Webhook,
    WebhookUpdate,
)
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import (
    NOTIFICATIONS_LIST,
    NOTIFICATIONS_WEBHOOK_DELETE,
    NOTIFICATIONS_WEBHOOK_GET,
    NOTIFICATIONS_WEBHOOK_PUT,
)

router = APIRouter(prefix="/v1/notifications", tags=["notifications"], route_class=JsonRoute)


@router.get("", summary="List my notifications")
async def list_notifications(
    query: Annotated[NotificationQuery, Query()],
    call: Call[ListNotifications, NotificationPage] = calls(NOTIFICATIONS_LIST, NotificationPage),
) -> NotificationPage:
    """List your notifications and whether they were delivered, newest event first."""
    return await call(query.to_contract())


@router.get("/webhook", summary="Get my webhook")
async def get_webhook(call: Call[GetWebhook, Webhook] = calls(NOTIFICATIONS_WEBHOOK_GET, Webhook)) -> Webhook:
    """Get the webhook that receives your notifications instead of e-mail."""
    return await call(GetWebhook())


@router.put("/webhook", summary="Set my webhook")
async def put_webhook(
    body: WebhookUpdate,
    response: Response,
    call: Call[PutWebhook, NewWebhook] = calls(NOTIFICATIONS_WEBHOOK_PUT, NewWebhook),
) -> NewWebhook:
    """Have your notifications sent to a URL instead of by e-mail.

    Each call creates a new secret. Store it: it is shown only once.
    """
    webhook = await call(PutWebhook(url=body.url))
    response.headers["Cache-Control"] = "no-store"
    return webhook


@router.delete("/webhook", status_code=204, summary="Delete my webhook")
async def delete_webhook(call: Call[DeleteWebhook, WebhookDeleted] = calls(NOTIFICATIONS_WEBHOOK_DELETE)) -> None:
    """Have your notifications sent by e-mail again."""
    await call(DeleteWebhook())
