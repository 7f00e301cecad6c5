"""Access tokens of ended sessions, refused at once where they reach auth itself."""

from typing import Final

from pydantic import BaseModel

from auth_svc.repository import Sessions
from mesh.core import context
from mesh.core.errors import Unauthenticated
from subjects import AUTH_LOGOUT, AUTH_SESSIONS_REVOKE_ALL
from worker.answers import AnyEndpoint, AnyHandler

_ENDS_SESSIONS: Final = {AUTH_LOGOUT, AUTH_SESSIONS_REVOKE_ALL}
"""Need no living session, so that ending one twice is no error."""


class LivingSessions:
    """Guards every verified endpoint but those that end the caller's session. The database knows of an end first."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def guard(self, endpoint: AnyEndpoint, handler: AnyHandler) -> AnyHandler:
        """The handler, for callers whose session lives. It raises Unauthenticated for others."""
        if not endpoint.verified or endpoint in _ENDS_SESSIONS:
            return handler

        async def handle(request: BaseModel) -> BaseModel:
            if await self._sessions.is_revoked(context.caller().session_id):
                raise Unauthenticated("session_revoked", "the session has ended")
            reply: BaseModel = await handler(request)
            return reply

        return handle
