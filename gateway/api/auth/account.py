"""`/v1/auth/password` and `/v1/auth/sessions`: what users do to their own account."""

from typing import Annotated

from fastapi import APIRouter, Path

from contracts.auth import ChangePassword, ListSessions, RevokeSession, RevokeSessions, SessionId
from gateway.api.auth.account_schemas import PasswordChange, UserSessionPage
from gateway.dependencies import Mesh
from gateway.routing.operations import JSON_BODY, calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_PASSWORD_CHANGE, AUTH_SESSIONS_LIST, AUTH_SESSIONS_REVOKE, AUTH_SESSIONS_REVOKE_ALL

router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=JsonRoute)

SessionKey = Annotated[SessionId, Path(examples=["8f14e45fceea4d7a9c1b2f6b1a3c5d7e"])]


@router.post(
    "/password", status_code=204, **calls(AUTH_PASSWORD_CHANGE, 404, 429, *JSON_BODY), summary="Change the password"
)
async def change_password(body: PasswordChange, mesh: Mesh) -> None:
    """Change the password of the user whom the access token speaks for; all their other sessions end."""
    change = ChangePassword(current_password=body.current_password, new_password=body.new_password)
    await mesh.call(AUTH_PASSWORD_CHANGE, change)


@router.get("/sessions", **calls(AUTH_SESSIONS_LIST), summary="List one's sessions")
async def list_sessions(mesh: Mesh) -> UserSessionPage:
    """List the sessions of the user whom the access token speaks for."""
    return await mesh.call(AUTH_SESSIONS_LIST.read_as(UserSessionPage), ListSessions())


@router.delete("/sessions", status_code=204, **calls(AUTH_SESSIONS_REVOKE_ALL), summary="Log out everywhere")
async def revoke_sessions(mesh: Mesh) -> None:
    """End every session of the user whom the access token speaks for, this one too."""
    await mesh.call(AUTH_SESSIONS_REVOKE_ALL, RevokeSessions())


@router.delete(
    "/sessions/{session_id}", status_code=204, **calls(AUTH_SESSIONS_REVOKE, 404), summary="End one of one's sessions"
)
async def revoke_session(session_id: SessionKey, mesh: Mesh) -> None:
    """End one session of the user whom the access token speaks for."""
    await mesh.call(AUTH_SESSIONS_REVOKE, RevokeSession(session_id=session_id))
