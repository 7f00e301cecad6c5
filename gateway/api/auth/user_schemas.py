"""The shapes of `/v1/users` and `/v1/audit`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from contracts import auth, auth_audit
from contracts.auth import AuditAction, Email, Role, UserId, UserState
from contracts.auth_audit import AuditCursor
from contracts.base import Day, Items, Patch, Search, absent
from gateway.api.auth.session_schemas import User
from gateway.api.schemas import PageCursor, PageLimit, Query, Shown


class UserQuery(Query):
    """Filters and page of the users list."""

    email: Annotated[Email | None, Field(description="The user with this address.")] = None
    q: Annotated[Search | None, Field(description="A part of the e-mail address, in any case.")] = None
    role: Annotated[Role | None, Field(description="Users with this role.")] = None
    state: Annotated[UserState | None, Field(description="Users in this state.")] = None
    limit: PageLimit = 50
    cursor: PageCursor = None

    def to_contract(self) -> auth.ListUsers:
        """The request to auth."""
        return auth.ListUsers(**self.model_dump(exclude_unset=True))


class UserPage(Shown[auth.UserPage]):
    """A page of the users list. The last page has no `next_cursor`."""

    items: Items[User]
    next_cursor: str | None


class UserChange(Patch):
    """Changes of a user's rights. An omitted field stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["USER", "ADMIN"]}, {"disabled": True}]})

    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=2)] = absent()
    disabled: bool = absent()

    def to_contract(self) -> auth.UserPatch:
        """The change as auth reads it."""
        return auth.UserPatch(**self.changes())


class AuditQuery(Query):
    """Filters and page of the audit log."""

    user_id: Annotated[UserId | None, Field(description="Entries about this user's account.")] = None
    actor_id: Annotated[UserId | None, Field(description="Entries about what this user did.")] = None
    action: Annotated[AuditAction | None, Field(description="Entries about this action.")] = None
    at_from: Annotated[Day | None, Field(description="Entries of this day (UTC) or later.")] = None
    at_until: Annotated[Day | None, Field(description="Entries of this day (UTC) or earlier.")] = None
    limit: PageLimit = 50
    cursor: Annotated[AuditCursor | None, Field(description="`next_cursor` of the previous page.")] = None

    def to_contract(self) -> auth_audit.ListAudit:
        """The request to auth."""
        return auth_audit.ListAudit(**self.model_dump(exclude_unset=True))


class AuditEntry(Shown[auth_audit.AuditEntry]):
    """What was done to whose account (`subject_id`), by whom (`actor_id`) and from where."""

    entry_id: Annotated[str, Field(examples=["019f24d1a6b28f14e45fceea4d7a9c1b"])]
    at: datetime
    action: AuditAction
    actor_id: Annotated[
        str | None, Field(description="Null for an unauthenticated caller and for a command of an operator.")
    ]
    subject_id: str | None
    client_address: Annotated[str | None, Field(examples=["203.0.113.7"])]
    request_id: str | None
    detail: Annotated[str | None, Field(examples=["USER -> USER ADMIN"])]


class AuditPage(Shown[auth_audit.AuditPage]):
    """A page of the audit log. The last page has no `next_cursor`."""

    items: Items[AuditEntry]
    next_cursor: str | None
