"""The payloads of `auth.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.base import Cursor, Items, Limit, Patch, Reason, Reply, Request, absent

Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^\x00\s@]+@[^\x00\s@]+$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]
"""Any text of a size that can be handled; which ones are good enough is the auth service's to say."""
RefreshToken = Annotated[str, StringConstraints(min_length=20, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]

_ID = StringConstraints(pattern=r"^[0-9a-f]{32}$")
UserId = Annotated[str, _ID]
SessionId = Annotated[str, _ID]
AuditCursor = Annotated[str, _ID]
"""The `entry_id` after which the next page of the log begins."""
Role = Literal["USER", "ADMIN"]
Attempts = Annotated[int, Field(ge=1, le=1_000_000)]


class AuthReason(Reason):
    """Why an auth endpoint refuses."""

    EMAIL_TAKEN = "conflict", "email_taken"
    INVALID_EMAIL = "invalid_argument", "invalid_email"
    WEAK_PASSWORD = "invalid_argument", "weak_password"
    INVALID_CREDENTIALS = "unauthenticated", "invalid_credentials"
    INVALID_REFRESH_TOKEN = "unauthenticated", "invalid_refresh_token"
    TOO_MANY_LOGINS = "rate_limited", "too_many_logins"
    USER_NOT_FOUND = "not_found", "user_not_found"
    WRONG_PASSWORD = "invalid_argument", "wrong_password"
    SESSION_NOT_FOUND = "not_found", "session_not_found"
    OWN_ACCOUNT = "permission_denied", "own_account"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"
    PASSWORD_CHANGE_IN_PROGRESS = "overloaded", "password_change_in_progress"
    RIGHTS_IN_USE = "overloaded", "rights_in_use"
    SIGNING_KEY_UNREADABLE = "overloaded", "signing_key_unreadable"


class AuditAction(StrEnum):
    """What the audit log tells of."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    LOGGED_OUT = "logged_out"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105  # an action, no token
    SESSION_REVOKED = "session_revoked"
    SESSIONS_REVOKED = "sessions_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # an action, no password
    PASSWORD_CHANGE_FAILED = "password_change_failed"  # noqa: S105  # an action, no password
    ROLES_CHANGED = "roles_changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    RIGHTS_CHANGE_REFUSED = "rights_change_refused"
    ADMIN_CREATED = "admin_created"
    KEYS_ROTATED = "keys_rotated"


class Register(Request):
    """A new user with the role USER."""

    email: Email
    password: Annotated[Password, Field(repr=False)]


class Login(Request):
    """Prove who one is by e-mail and password."""

    email: Email
    password: Annotated[Password, Field(repr=False)]


class Refresh(Request):
    """Trade a refresh token for new tokens; it is used up by that."""

    refresh_token: Annotated[RefreshToken, Field(repr=False)]


class Logout(Request):
    """End a session: that of the refresh token, or without one that of the access token which comes along."""

    refresh_token: Annotated[RefreshToken | None, Field(repr=False)] = None


class LoggedOut(Reply):
    """The session has ended; saying so twice is no error."""

    logged_out: Literal[True] = True


class GetMe(Request):
    """The user whom the access token speaks for."""


class User(Reply):
    """A user, without secrets."""

    user_id: str
    email: str
    roles: tuple[str, ...]
    created_at: datetime
    disabled: bool = False
    """May not log in, and has no session."""


class Tokens(Reply):
    """An access token for `expires_in` seconds, and the refresh token for the next one."""

    access_token: Annotated[str, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a scheme, no token
    expires_in: int
    refresh_token: Annotated[str, Field(repr=False)]
    attempts: Attempts | None = None
    """Of a login: how many passwords may be tried at once."""


class GetJwks(Request):
    """The public keys that access tokens are verified by."""


class Jwk(Reply):
    """A public Ed25519 key (RFC 8037); `x` is the key in base64url."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"
    kid: str
    x: str


class Jwks(Reply):
    """A JWK set (RFC 7517)."""

    keys: tuple[Jwk, ...]


class ChangePassword(Request):
    """Another password for the user whom the access token speaks for; all other sessions of theirs end."""

    current_password: Annotated[Password, Field(repr=False)]
    new_password: Annotated[Password, Field(repr=False)]


class PasswordChanged(Reply):
    """The new password is the one that counts."""

    changed: Literal[True] = True


class ListSessions(Request):
    """The sessions of the user whom the access token speaks for."""


class Session(Reply):
    """One login, on one device as it were; `current` is the one that asks."""

    session_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    client_address: str | None
    """Where its login came from, as far as the gateway could tell."""
    current: bool


class SessionPage(Reply):
    """All of them, the newest first."""

    items: Items[Session]
    next_cursor: None = None


class RevokeSession(Request):
    """End one session of the user whom the access token speaks for."""

    session_id: SessionId


class RevokeSessions(Request):
    """End every session of the user whom the access token speaks for, this one too."""


class SessionsEnded(Reply):
    """They have ended; saying so twice is no error."""

    ended: Literal[True] = True


class ListRevoked(Request):
    """The sessions that were revoked while access tokens of them may still be about, page by page."""

    cursor: SessionId | None = None


class SessionsRevoked(Reply):
    """Access tokens of these sessions are good no more."""

    session_ids: tuple[str, ...]


class RevokedPage(SessionsRevoked):
    """A part of the list; without `next_cursor` it is the last."""

    next_cursor: SessionId | None = None


class ListUsers(Request):
    """Users in the order of their e-mail addresses, page by page; or the one with this address."""

    email: Email | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class UserPage(Reply):
    """A part of the list; without `next_cursor` it is the last."""

    items: Items[User]
    next_cursor: str | None


class GetUser(Request):
    """One user, by id."""

    user_id: UserId


class UserPatch(Patch):
    """What a user may do."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=2)] = absent()
    disabled: bool = absent()


class UpdateUser(Request):
    """Change what another user may do; their sessions end, so that it holds at once."""

    user_id: UserId
    patch: UserPatch


class ListAudit(Request):
    """The audit log, the newest entry first, page by page; of all accounts or of one."""

    user_id: UserId | None = None
    limit: Limit = 50
    cursor: AuditCursor | None = None


class AuditEntry(Reply):
    """What was done to whose account (`subject_id`), by whom (`actor_id`) and from where."""

    entry_id: str
    at: datetime
    action: AuditAction
    actor_id: str | None
    """Null for who has proved nothing, and for a person at the shell."""
    subject_id: str | None
    client_address: str | None
    request_id: str | None
    detail: str | None


class AuditPage(Reply):
    """A part of the log; without `next_cursor` it is the last."""

    items: Items[AuditEntry]
    next_cursor: str | None


class RotateKeys(Request):
    """Have a new key sign access tokens; while one waits for its time already, it is that one that is told."""


class KeyRotation(Reply):
    """The key that is published now and signs from then on."""

    kid: str
    signs_from: datetime
