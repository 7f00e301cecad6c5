"""Who may use the console: a browser with a session. It begins with a token of `mesh up`, or of an administrator."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import jwt
import structlog
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from console.settings import ConsoleSettings
from mesh.core.endpoint import Access
from mesh.security.verifier import Verifier, require_access

log = structlog.get_logger()

COOKIE: Final = "console_session"
_BYTES: Final = 32
ONCE_LASTS: Final = 600.0
"""Seconds for which a one-time token that `mesh console` asked for may be used."""
_MOST_ONCE: Final = 20
"""One-time tokens that wait. One more makes the oldest invalid."""


class Sessions:
    """The browsers that are signed in. They are forgotten when the process ends."""

    def __init__(self, settings: ConsoleSettings, verifier: Verifier, clock: Callable[[], float] = time.time) -> None:
        """`clock` returns Unix time."""
        self._settings = settings
        self._verifier = verifier
        self._clock = clock
        self._once, self._key, self._otlp = map(
            _revealed, (settings.console_token, settings.console_key, settings.console_otlp_token)
        )
        self._used = False
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._fresh: OrderedDict[bytes, float] = OrderedDict()

    def by_token(self, token: str) -> str | None:
        """A new session for the one-time token or the key; None if it is neither, or the token was used."""
        if _same(token, self._key):
            return self._begin(self._settings.console_session_lasts)
        if _same(token, self._once) and not self._used:
            self._used = True
            return self._begin(self._settings.console_session_lasts)
        if self._fresh.pop(_digest(token), 0.0) > self._clock():
            return self._begin(self._settings.console_session_lasts)
        log.warning("console_token_refused", used=_same(token, self._once))
        return None

    def fresh_token(self) -> str:
        """A token that signs in one browser, once, within ONCE_LASTS."""
        token = secrets.token_urlsafe(_BYTES)
        while len(self._fresh) >= _MOST_ONCE:
            self._fresh.popitem(last=False)
        self._fresh[_digest(token)] = self._clock() + ONCE_LASTS
        return token

    def has_key(self, connection: HTTPConnection) -> bool:
        """Whether the request has the key as a bearer token, as the command sends it. No other site's page can."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and _same(token, self._key)

    async def by_access_token(self, authorization: str) -> str:
        """A new session for an administrator's access token, in `Authorization` form.

        Raises Unauthenticated, Forbidden, and CallError if the keys cannot be fetched.
        """
        caller = await self._verifier.verify(authorization)
        require_access(Access.ADMIN, caller)
        log.info("console_signed_in", user_id=caller.user_id)
        claims = jwt.decode(authorization.partition(" ")[2], options={"verify_signature": False})  # verified above
        return self._begin(min(self._settings.console_session_lasts, claims["exp"] - self._clock()))

    def valid(self, connection: HTTPConnection) -> bool:
        """Whether the request has the cookie of a session that lasts."""
        session = connection.cookies.get(COOKIE)
        if session is None:
            return False
        digest = _digest(session)
        if (until := self._until.get(digest)) is None:
            return False
        if until <= self._clock():
            del self._until[digest]
            return False
        return True

    def end(self, connection: HTTPConnection) -> None:
        """Sign this browser out."""
        self._until.pop(_digest(connection.cookies.get(COOKIE, "")), None)

    def sends(self, authorization: str) -> bool:
        """Whether a process may send traces and logs with this `Authorization` header."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and _same(token, self._otlp)

    def _begin(self, lasts: float) -> str:
        session = secrets.token_urlsafe(_BYTES)
        while len(self._until) >= self._settings.console_sessions:
            self._until.popitem(last=False)
        self._until[_digest(session)] = self._clock() + lasts
        return session


def _revealed(secret: SecretStr | None) -> str | None:
    """The text of a secret; None if it is not set, or empty: then nothing matches it."""
    return (secret.get_secret_value() or None) if secret else None


def _same(given: str, expected: str | None) -> bool:
    """Compare in a time that tells nothing. Nothing is the same as a secret that is not set."""
    return expected is not None and hmac.compare_digest(given.encode(), expected.encode())


def _digest(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()
