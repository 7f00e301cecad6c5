"""Refuses access tokens of ended sessions in auth itself."""

from typing import Final

from pydantic import BaseModel

from auth_svc.repository import Sessions
from mesh.core import context
from mesh.core.errors import Unauthenticated
from subjects import AUTH_LOGOUT, AUTH_SESSIONS_REVOKE_ALL
from worker.answers import AnyEndpoint, AnyHandler

_ENDS_SESSIONS: Final = {AUTH_LOGOUT, AUTH_SESSIONS_REVOKE_ALL}
"""Endpoints that accept an ended session, so that ending one twice is no error."""


class LivingSessions:
    """Guards every verified endpoint except those that end the caller's session. It asks the database each time."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def guard(self, endpoint: AnyEndpoint, handler: AnyHandler) -> AnyHandler:
        """The handler, for callers with a live session. For others it raises Unauthenticated."""
        if not endpoint.verified or endpoint in _ENDS_SESSIONS:
            return handler

        async def handle(request: BaseModel) -> BaseModel:
            if await self._sessions.is_revoked(context.caller().session_id):
                raise Unauthenticated("session_revoked", "the session has ended")
            reply: BaseModel = await handler(request)
            return reply

        return handle
