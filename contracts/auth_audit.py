"""The payloads of `auth.audit.list`."""

from datetime import datetime
from typing import Annotated

from contracts.auth import HEX_ID, AuditAction, UserId
from contracts.base import Day, Items, Limit, Reply, Request

AuditCursor = Annotated[str, HEX_ID]
"""The `entry_id` after which the next page of the log starts."""


class ListAudit(Request):
    """List the entries of the audit log that match every given filter, newest first, page by page.

    `at_from` and `at_until` are days in UTC, both inclusive.
    """

    user_id: UserId | None = None
    """Entries about this user's account."""
    actor_id: UserId | None = None
    """Entries about what this user did."""
    action: AuditAction | None = None
    at_from: Day | None = None
    at_until: Day | None = None
    limit: Limit = 50
    cursor: AuditCursor | None = None


class AuditEntry(Reply):
    """What was done to whose account (`subject_id`), by whom (`actor_id`) and from where."""

    entry_id: str
    at: datetime
    action: AuditAction
    actor_id: str | None
    """Null for an unauthenticated caller and for a command of an operator."""
    subject_id: str | None
    client_address: str | None
    request_id: str | None
    detail: str | None


class AuditPage(Reply):
    """A page of the log. The last page has no `next_cursor`."""

    items: Items[AuditEntry]
    next_cursor: str | None
