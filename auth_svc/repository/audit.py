"""The collection `audit`: what was done to whose account, by whom and from where. It only ever grows."""

import secrets
import time
from collections.abc import Iterable

from pymongo.errors import DuplicateKeyError

from auth_svc.repository.operation import now, operation
from contracts.auth import AuditAction, AuditEntry, AuditPage
from mesh.core import context
from providers.mongo.database import Database, Document


def audit_entry(
    action: AuditAction, subject_id: str | None, *, actor_id: str | None, detail: str | None = None
) -> Document:
    """That it was done; from where, and within which request, the current one says.

    `subject_id`: whose account it is about; None where nobody has it.
    """
    current = context.current()
    return {
        "_id": f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}",  # in the order of time
        "at": now(),
        "action": action.value,
        "actor_id": actor_id,
        "subject_id": subject_id,
        "client_address": current.client_address if current else None,
        "request_id": current.request_id if current else None,
        "detail": detail,
    }


class Audit:
    """The collection `audit`: no method changes or deletes an entry (OWASP ASVS 5, V16.4)."""

    def __init__(self, database: Database) -> None:
        self._entries = database["audit"]

    @operation()
    async def record(
        self, action: AuditAction, subject_id: str | None, *, actor_id: str | None, detail: str | None = None
    ) -> None:
        """Keep what `audit_entry` tells."""
        await self._entries.insert_one(audit_entry(action, subject_id, actor_id=actor_id, detail=detail))

    @operation()
    async def keep(self, entries: Iterable[Document]) -> None:
        """Keep these entries, each once however often it comes."""
        for entry in entries:
            try:
                await self._entries.insert_one(entry)
            except DuplicateKeyError:
                continue

    @operation()
    async def list(self, *, subject_id: str | None, before: str | None, limit: int) -> AuditPage:
        """The newest entries before that one, of all accounts or of one."""
        which: Document = {} if subject_id is None else {"subject_id": subject_id}
        if before is not None:
            which["_id"] = {"$lt": before}
        found = await self._entries.find(which).sort("_id", -1).limit(limit + 1).to_list()
        items = tuple(AuditEntry(entry_id=document.pop("_id"), **document) for document in found[:limit])
        return AuditPage(items=items, next_cursor=items[-1].entry_id if len(found) > limit else None)
