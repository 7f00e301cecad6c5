"""Starts sessions, and ends them early: in the database, and within a second at every gateway."""

from collections.abc import Sequence

from auth_svc.repository import Session, Sessions
from auth_svc.repository.sessions import REVOKED_PAGE
from contracts.auth import ListRevoked, RevokedPage, SessionsRevoked
from mesh.transport.base import Transport
from mesh.transport.events import publish
from subjects import AUTH_SESSIONS_REVOKED, EVENTS_AUTH_SESSIONS_REVOKED
from worker.answers import answers

_AT_ONCE = 1000  # so that an event stays small


class Revocation:
    """Ends sessions and publishes events to those who verify tokens. They fetch the list after a lost event."""

    def __init__(self, sessions: Sessions, transport: Transport) -> None:
        self._sessions = sessions
        self._transport = transport

    async def begin(self, user_id: str, client_address: str | None) -> Session:
        """Start a session of the user."""
        return await self._sessions.create(user_id, client_address)

    async def end_surplus(self, user_id: str) -> int:
        """End the user's oldest sessions beyond the limit. Returns how many."""
        return await self._publish(await self._sessions.end_surplus(user_id))

    async def end(self, user_id: str, session_id: str) -> int:
        """End this session of the user. Returns 0 if there is no such session, otherwise 1."""
        return await self._publish(await self._sessions.revoke(user_id, session_id))

    async def end_all(self, user_id: str, but: str | None = None) -> int:
        """End every session of the user except `but`. Returns how many."""
        return await self._publish(await self._sessions.revoke_all(user_id, but))

    @answers(AUTH_SESSIONS_REVOKED)
    async def list(self, request: ListRevoked) -> RevokedPage:
        """Sessions whose access tokens are no longer valid, for a gateway that may have missed an event."""
        session_ids = tuple(await self._sessions.revoked(after=request.cursor or ""))
        more = len(session_ids) == REVOKED_PAGE
        return RevokedPage(session_ids=session_ids, next_cursor=session_ids[-1] if more else None)

    async def _publish(self, session_ids: Sequence[str]) -> int:
        for first in range(0, len(session_ids), _AT_ONCE):
            some = SessionsRevoked(session_ids=tuple(session_ids[first : first + _AT_ONCE]))
            await publish(self._transport, EVENTS_AUTH_SESSIONS_REVOKED, some)
        return len(session_ids)
