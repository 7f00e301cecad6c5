"""The notifications in MongoDB: every query of the service."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from pymongo.errors import DuplicateKeyError

from contracts.notifications import (
    Channel,
    DeliveryStatus,
    ListNotifications,
    Notification,
    NotificationKind,
    NotificationPage,
)
from mesh.core import context
from notifications_svc.kinds import KIND_OF, Kind, TokenMail
from notifications_svc.messages import subject
from providers.mongo import operation as mongo
from providers.mongo.database import Database, Document
from providers.mongo.operation import now
from worker.outages import TERMS

operation = partial(mongo.operation, TERMS)
"""Decorates each query: it ends by the deadline, and an outage of the database becomes a fault."""

_KEPT: Final = 90 * 24 * 3600
"""Seconds for which a notification is kept."""
_CLAIMED: Final = timedelta(seconds=120)
"""Longer than a delivery takes. After it another process takes over."""
_NEWEST_FIRST: Final = (("user_id", 1), ("_id", -1))


class Due(NamedTuple):
    """A notification that this process has claimed for delivery."""

    notification_id: str
    user_id: str
    kind: Kind
    values: Mapping[str, Any]
    """The fields of the event's payload."""
    created_at: datetime
    attempts: int
    """Attempts before this one."""
    request_id: str | None = None
    """The request that caused it."""
    traceparent: str | None = None
    """The span that it follows from, if that request is traced."""


class Notifications:
    """The collections `notifications` and `recipients`."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        """`wake` is called when a notification may be due."""
        self._notifications = database["notifications"]
        self._recipients = database["recipients"]
        self._wake = wake

    @operation()
    async def ensure_indexes(self) -> None:
        """Create missing indexes."""
        await self._notifications.create_index(_NEWEST_FIRST)
        await self._notifications.create_index("due_at", sparse=True)
        await self._notifications.create_index("created_at", expireAfterSeconds=_KEPT)

    @operation()
    async def know(self, user_id: str, email: str) -> None:
        """Store the address of a user. Notifications that wait for it become due, except those being delivered."""
        await self._recipients.update_one({"_id": user_id}, {"$set": {"email": email}}, upsert=True)
        waiting = {"user_id": user_id, "due_at": {"$exists": True}, "claimed": {"$ne": True}}
        await self._notifications.update_many(waiting, {"$set": {"due_at": now()}})
        self._wake()

    @operation()
    async def add(
        self,
        notification_id: str,
        user_id: str,
        kind: Kind,
        values: Mapping[str, Any],
        *,
        claim: bool = False,
    ) -> Due | None:
        """Store a notification that is due now, or with `claim` one that this process has claimed for delivery.

        A second call with the id changes nothing, and returns None.
        """
        created_at = now()
        new: Document = {
            "user_id": user_id,
            "kind": kind.value,
            "values": values,
            "status": DeliveryStatus.WAITING.value,
            "channel": None,
            "created_at": created_at,
            "sent_at": None,
            "due_at": created_at,
            "attempts": 0,
            **_origin(),
            **(_claimed(created_at) if claim else {}),
        }
        try:
            done = await self._notifications.update_one({"_id": notification_id}, {"$setOnInsert": new}, upsert=True)
        except DuplicateKeyError:  # another delivery of the event was faster
            return None
        if done.upserted_id is None:
            return None
        if not claim:
            self._wake()
        return Due(notification_id, user_id, kind, values, created_at, 0, *_origin().values())

    @operation()
    async def claim(self) -> Due | None:
        """Claim the oldest notification that is due; None if nothing is. No other process gets it for 120 s."""
        at = now()
        found = await self._notifications.find_one_and_update(
            {"due_at": {"$lte": at}}, {"$set": _claimed(at)}, sort=[("due_at", 1)]
        )
        if found is None:
            return None
        return Due(
            found["_id"],
            found["user_id"],
            KIND_OF[found["kind"]],
            found["values"],
            found["created_at"],
            found["attempts"],
            found.get("request_id"),
            found.get("traceparent"),
        )

    @operation()
    async def email(self, user_id: str) -> str | None:
        """The address of the user, or None."""
        found = await self._recipients.find_one({"_id": user_id})
        return found["email"] if found else None

    @operation()
    async def sent(self, due: Due, channel: Channel) -> None:
        """Record the delivery."""
        done = {"status": DeliveryStatus.SENT.value, "sent_at": now(), "channel": channel.value}
        await self._end(due, done)

    @operation()
    async def failed(self, due: Due, channel: Channel | None, error: str) -> None:
        """Record that the delivery is given up."""
        done = {"status": DeliveryStatus.FAILED.value, "channel": channel and channel.value, "error": error}
        await self._end(due, done)

    @operation()
    async def postpone(
        self, due: Due, channel: Channel | None, error: str, seconds: float, *, counts: bool = True
    ) -> None:
        """Schedule another try in `seconds`. `counts`: whether this was an attempt."""
        due_at = now() + timedelta(seconds=seconds)
        change: Document = {"channel": channel and channel.value, "error": error, "due_at": due_at}
        await self._notifications.update_one(
            {"_id": due.notification_id, "due_at": {"$exists": True}},
            {"$set": change, "$unset": {"claimed": ""}, "$inc": {"attempts": int(counts)}},
        )

    @operation()
    async def list(self, user_id: str, request: ListNotifications) -> NotificationPage:
        """A page of the user's notifications, newest event first."""
        which: Document = {"user_id": user_id, "kind": {"$nin": [kind.value for kind in TokenMail]}}
        if request.cursor is not None:
            which["_id"] = {"$lt": request.cursor}
        found = await self._notifications.find(which).sort("_id", -1).limit(request.limit + 1).to_list()
        items = tuple(_notification(document) for document in found[: request.limit])
        more = len(found) > request.limit
        return NotificationPage(items=items, next_cursor=items[-1].notification_id if more else None)

    async def _end(self, due: Due, done: Document) -> None:
        change = {"$set": done, "$unset": {"due_at": "", "claimed": ""}}
        await self._notifications.update_one({"_id": due.notification_id}, change)


def _origin() -> dict[str, str]:
    """The request that causes a notification, and its trace if it has one."""
    request = context.current()
    if request is None:
        return {}
    trace = {} if request.span is None else request.span.headers(request)
    return {"request_id": request.request_id, **{name: trace[name] for name in ("traceparent",) if name in trace}}


def _claimed(at: datetime) -> Document:
    """The fields of a notification that a process claims at this time."""
    return {"due_at": at + _CLAIMED, "claimed": True}


def _notification(document: Document) -> Notification:
    kind, order_id = NotificationKind(document["kind"]), document["values"].get("order_id")
    return Notification(
        notification_id=document["_id"],
        kind=kind,
        order_id=order_id,
        subject=subject(kind, order_id),
        status=document["status"],
        channel=document["channel"],
        created_at=document["created_at"],
        sent_at=document["sent_at"],
    )
