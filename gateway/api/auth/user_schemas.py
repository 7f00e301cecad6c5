"""The shapes of `/v1/users` and `/v1/audit`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from contracts import auth
from contracts.auth import AuditAction, AuditCursor, Email, Role, UserId
from contracts.base import Items, Patch, absent
from gateway.api.auth.session_schemas import User
from gateway.api.schemas import PageCursor, PageLimit, Query, Shown


class UserQuery(Query):
    """Which users."""

    email: Annotated[Email | None, Field(description="The one with this address.")] = None
    limit: PageLimit = 50
    cursor: PageCursor = None

    def to_contract(self) -> auth.ListUsers:
        """The request for them."""
        return auth.ListUsers(**self.model_dump(exclude_unset=True))


class UserPage(Shown[auth.UserPage]):
    """A part of the users list; without `next_cursor` it is the last."""

    items: Items[User]
    next_cursor: str | None


class UserChange(Patch):
    """What the user may do: what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["USER", "ADMIN"]}, {"disabled": True}]})

    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=2)] = absent()
    disabled: bool = absent()

    def to_contract(self) -> auth.UserPatch:
        """The change as the service knows it."""
        return auth.UserPatch(**self.changes())


class AuditQuery(Query):
    """Which entries."""

    user_id: Annotated[UserId | None, Field(description="Those about this user's account.")] = None
    limit: PageLimit = 50
    cursor: Annotated[AuditCursor | None, Field(description="`next_cursor` of the page before.")] = None

    def to_contract(self) -> auth.ListAudit:
        """The request for them."""
        return auth.ListAudit(**self.model_dump(exclude_unset=True))


class AuditEntry(Shown[auth.AuditEntry]):
    """What was done to whose account (`subject_id`), by whom (`actor_id`) and from where."""

    entry_id: Annotated[str, Field(examples=["019f24d1a6b28f14e45fceea4d7a9c1b"])]
    at: datetime
    action: AuditAction
    actor_id: Annotated[str | None, Field(description="Null for who proved nothing, and for a person at the shell.")]
    subject_id: str | None
    client_address: Annotated[str | None, Field(examples=["203.0.113.7"])]
    request_id: str | None
    detail: Annotated[str | None, Field(examples=["USER -> USER ADMIN"])]


class AuditPage(Shown[auth.AuditPage]):
    """A part of the log; without `next_cursor` it is the last."""

    items: Items[AuditEntry]
    next_cursor: str | None
