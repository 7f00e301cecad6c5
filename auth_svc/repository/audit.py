"""The collection `audit`: what was done to accounts, by whom and from where. Entries are only added."""

import secrets
import time
from collections.abc import Iterable
from datetime import date, timedelta

from pymongo.errors import DuplicateKeyError

from auth_svc.repository.operation import operation
from contracts.auth import AuditAction
from contracts.auth_audit import AuditEntry, AuditPage, ListAudit
from mesh.core import context
from providers.mongo.database import Database, Document
from providers.mongo.operation import now


def audit_entry(
    action: AuditAction, subject_id: str | None, *, actor_id: str | None, detail: str | None = None
) -> Document:
    """An entry for an action. Client address and request id are those of the current request.

    `subject_id`: the account concerned; None if there is none.
    """
    current = context.current()
    return {
        "_id": f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}",  # sorts by time
        "at": now(),
        "action": action.value,
        "actor_id": actor_id,
        "subject_id": subject_id,
        "client_address": current.client_address if current else None,
        "request_id": current.request_id if current else None,
        "detail": detail,
    }


class Audit:
    """The collection `audit`. No method changes or deletes an entry (OWASP ASVS 5, V16.4)."""

    def __init__(self, database: Database) -> None:
        self._entries = database["audit"]

    @operation()
    async def record(
        self, action: AuditAction, subject_id: str | None, *, actor_id: str | None, detail: str | None = None
    ) -> None:
        """Store a new entry; the arguments are those of `audit_entry`."""
        await self._entries.insert_one(audit_entry(action, subject_id, actor_id=actor_id, detail=detail))

    @operation()
    async def keep(self, entries: Iterable[Document]) -> None:
        """Store these entries, each once even if repeated."""
        for entry in entries:
            try:
                await self._entries.insert_one(entry)
            except DuplicateKeyError:
                continue

    @operation()
    async def list(self, request: ListAudit) -> AuditPage:
        """A page of the entries that match, newest first."""
        exact = {"subject_id": request.user_id, "actor_id": request.actor_id, "action": request.action}
        which: Document = {name: value for name, value in exact.items() if value is not None}
        bounds = [] if request.cursor is None else [request.cursor]
        if request.at_until is not None:
            bounds.append(_first_id(request.at_until + timedelta(days=1)))
        since = {} if request.at_from is None else {"$gte": _first_id(request.at_from)}
        which["_id"] = {"$lt": min(bounds, default="g"), **since}  # "g" comes after every id
        limit = request.limit
        found = await self._entries.find(which).sort("_id", -1).limit(limit + 1).to_list()
        items = tuple(AuditEntry(entry_id=document.pop("_id"), **document) for document in found[:limit])
        return AuditPage(items=items, next_cursor=items[-1].entry_id if len(found) > limit else None)


def _first_id(day: date) -> str:
    """What no id before this day (UTC) reaches: ids start with the milliseconds since 1970."""
    milliseconds = (day - date(1970, 1, 1)) // timedelta(milliseconds=1)
    return f"{max(0, milliseconds):012x}"
