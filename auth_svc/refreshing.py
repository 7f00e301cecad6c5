"""Exchanges refresh tokens, and handles reused ones."""

from dataclasses import dataclass
from datetime import timedelta

from auth_svc.repository import Audit, Session, Sessions
from auth_svc.revocation import Revocation
from auth_svc.tokens import RefreshTokens, read
from contracts.auth import AuditAction, AuthReason
from mesh.core.errors import Unauthenticated
from providers.mongo.operation import now

_GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Proved:
    """A valid refresh token of a session: the current one, or one used before."""

    generation: int
    session: Session


class Refreshing:
    """Rotation by RFC 9700, section 4.14.2: a token works once, and reuse ends its session.

    For ten seconds the token used last still returns its successor, the same as before: the reply may have been lost,
    or two tabs may use it at once.
    """

    def __init__(self, sessions: Sessions, tokens: RefreshTokens, revocation: Revocation, audit: Audit) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._revocation = revocation
        self._audit = audit

    async def find(self, refresh_token: str) -> Proved | None:
        """The token, if a live session issued it; None otherwise."""
        presented = read(refresh_token)
        if presented is None:
            return None
        session = await self._sessions.find(presented.session_id)
        if session is None or not self._tokens.proves(presented, session):
            return None
        return Proved(presented.generation, session)

    async def trade(self, token: Proved) -> Session:
        """The session with the successor as its current token. Raises Unauthenticated."""
        session = token.session
        if token.generation == session.generation:
            rotated = await self._sessions.rotate(session)
            if rotated is not None:
                return rotated
            latest = await self._sessions.find(session.session_id)  # another request was faster
            if latest is None:
                raise invalid_refresh_token()
            session = latest
        if token.generation == session.generation - 1 and now() <= session.rotated_at + _GRACE:
            return session
        await self._revocation.end(session.user_id, session.session_id)
        reused = AuditAction.REFRESH_TOKEN_REUSED
        await self._audit.record(reused, session.user_id, actor_id=None, detail=session.session_id)
        raise invalid_refresh_token()


def invalid_refresh_token() -> Unauthenticated:
    """The fault for every invalid refresh token, whatever the reason."""
    return Unauthenticated(AuthReason.INVALID_REFRESH_TOKEN, "the refresh token is not valid")
