"""The trade of a refresh token, and what happens to one that comes twice."""

from datetime import timedelta

from auth_svc.repository import Audit, Session, Sessions
from auth_svc.repository.operation import now
from auth_svc.revocation import Revocation
from auth_svc.tokens import RefreshTokens, read
from contracts.auth import AuditAction, AuthReason
from mesh.errors import Unauthenticated

_GRACE = timedelta(seconds=10)


class Refreshing:
    """Rotation as RFC 9700, section 4.14.2, has it: a token is good once, and one that comes back ends its session.

    For ten seconds the last one that was used still brings its successor, the same again: its answer may be lost, or
    two tabs may use it at once.
    """

    def __init__(self, sessions: Sessions, tokens: RefreshTokens, revocation: Revocation, audit: Audit) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._revocation = revocation
        self._audit = audit

    async def find(self, refresh_token: str) -> Session | None:
        """The living session that the token is or was good for."""
        presented = read(refresh_token)
        session = await self._sessions.find(presented.session_id) if presented else None
        return session if presented and session and self._tokens.proves(presented, session) else None

    async def owner(self, refresh_token: str) -> Session:
        """The same, or Unauthenticated raised."""
        session = await self.find(refresh_token)
        if session is None:
            raise _refused()
        return session

    async def trade(self, refresh_token: str, session: Session) -> Session:
        """The session with the successor as its good token. Raises Unauthenticated."""
        presented = read(refresh_token)
        if presented is not None and presented.generation == session.generation:
            rotated = await self._sessions.rotate(session)
            if rotated is not None:
                return rotated
            session = await self.owner(refresh_token)  # somebody was faster
        last = presented is not None and presented.generation == session.generation - 1
        if last and now() <= session.rotated_at + _GRACE:
            return session
        await self._revocation.end(session.user_id, session.session_id)
        await self._audit.record(AuditAction.REFRESH_TOKEN_REUSED, session.user_id, actor_id=None)
        raise _refused()


def _refused() -> Unauthenticated:
    return Unauthenticated(AuthReason.INVALID_REFRESH_TOKEN, "the refresh token is not valid")
