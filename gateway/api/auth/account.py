"""`/v1/auth/password` and `/v1/auth/sessions`: users manage their own account."""

from typing import Annotated

from fastapi import APIRouter, Path

from contracts.auth import (
    ChangePassword,
    ListSessions,
    PasswordChanged,
    RevokeSession,
    RevokeSessions,
    SessionId,
    SessionsEnded,
)
from gateway.api.auth.account_schemas import PasswordChange, UserSessionPage
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_PASSWORD_CHANGE, AUTH_SESSIONS_LIST, AUTH_SESSIONS_REVOKE, AUTH_SESSIONS_REVOKE_ALL

router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=JsonRoute)

SessionKey = Annotated[SessionId, Path(examples=["8f14e45fceea4d7a9c1b2f6b1a3c5d7e"])]


@router.post("/password", status_code=204, summary="Change the password")
async def change_password(
    body: PasswordChange, call: Call[ChangePassword, PasswordChanged] = calls(AUTH_PASSWORD_CHANGE)
) -> None:
    """Change the password of the current user. All their other sessions end."""
    change = ChangePassword(current_password=body.current_password, new_password=body.new_password)
    await call(change)


@router.get("/sessions", summary="List your sessions")
async def list_sessions(
    call: Call[ListSessions, UserSessionPage] = calls(AUTH_SESSIONS_LIST, UserSessionPage),
) -> UserSessionPage:
    """List the sessions of the current user."""
    return await call(ListSessions())


@router.delete("/sessions", status_code=204, summary="Log out everywhere")
async def revoke_sessions(call: Call[RevokeSessions, SessionsEnded] = calls(AUTH_SESSIONS_REVOKE_ALL)) -> None:
    """End every session of the current user, including this one."""
    await call(RevokeSessions())


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of your sessions")
async def revoke_session(
    session_id: SessionKey, call: Call[RevokeSession, SessionsEnded] = calls(AUTH_SESSIONS_REVOKE)
) -> None:
    """End one session of the current user."""
    await call(RevokeSession(session_id=session_id))
