"""The shapes of `/v1/auth/password` and `/v1/auth/sessions`."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from contracts import auth
from contracts.auth import Password
from contracts.base import Items, Request
from gateway.api.schemas import Shown


class PasswordChange(Request):
    """The current password and the new one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "correct horse battery", "new_password": "a stapler in every stable"}]
        }
    )

    current_password: Annotated[Password, Field(repr=False)]
    new_password: Annotated[Password, Field(repr=False)]


class UserSession(Shown[auth.Session]):
    """One login. `current` marks the session of this request."""

    session_id: Annotated[str, Field(examples=["8f14e45fceea4d7a9c1b2f6b1a3c5d7e"])]
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    client_address: Annotated[str | None, Field(examples=["203.0.113.7"])]
    current: bool


class UserSessionPage(Shown[auth.SessionPage]):
    """All sessions, newest first."""

    items: Items[UserSession]
    next_cursor: None = None
