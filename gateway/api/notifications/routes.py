"""`/v1/notifications`: what a user was told."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts.notifications import ListNotifications
from gateway.api.notifications.schemas import NotificationPage, NotificationQuery
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import NOTIFICATIONS_LIST

router = APIRouter(prefix="/v1/notifications", tags=["notifications"], route_class=JsonRoute)


@router.get("", summary="List my notifications")
async def list_notifications(
    query: Annotated[NotificationQuery, Query()],
    call: Call[ListNotifications, NotificationPage] = calls(NOTIFICATIONS_LIST, NotificationPage),
) -> NotificationPage:
    """List what you were told, newest event first, and whether it was delivered."""
    return await call(query.to_contract())
