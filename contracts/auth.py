"""The payloads of `auth.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from contracts.base import BARE, Cursor, Form, Items, Limit, Patch, Reason, Reply, Request, Search, absent

Email = Annotated[str, Form(rf"^[^{BARE}@]+@[^{BARE}@]+$", "is not an e-mail address", 3, 254)]
Password = Annotated[str, Form(r"^[^\x00]*$", "must not contain the character NUL", 1, 256)]
"""Any text of a bounded size. The auth service decides which passwords are strong enough."""
RefreshToken = Annotated[str, Form(r"^[A-Za-z0-9_-]+$", "must be a refresh token as received", 20, 200)]

HEX_ID: Final = Form(r"^[0-9a-f]{32}$", "must be 32 digits of 0-9 and a-f")
UserId = Annotated[str, HEX_ID]
SessionId = Annotated[str, HEX_ID]
Role = Literal["USER", "ADMIN"]
Attempts = Annotated[int, Field(ge=1, le=1_000_000)]


class AuthReason(Reason):
    """Reasons of auth's faults."""

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
    EMAIL_NOT_VERIFIED = "permission_denied", "email_not_verified"
    INVALID_MAILED_TOKEN = "invalid_argument", "invalid_mailed_token"
    MAILED_TOKEN_NOT_FOUND = "not_found", "mailed_token_not_found"
    SIGNING_KEY_UNREADABLE = "overloaded", "signing_key_unreadable"


class AuditAction(StrEnum):
    """Actions in the audit log."""

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
    """Create a user with the role USER."""

    email: Email
    password: Annotated[Password, Field(repr=False)]


class Login(Request):
    """Prove an identity by e-mail address and password."""

    email: Email
    password: Annotated[Password, Field(repr=False)]


class Refresh(Request):
    """Exchange a refresh token for new tokens. Each refresh token works once."""

    refresh_token: Annotated[RefreshToken, Field(repr=False)]


class Logout(Request):
    """End a session: the refresh token's, or without one that of the access token."""

    refresh_token: Annotated[RefreshToken | None, Field(repr=False)] = None


class LoggedOut(Reply):
    """The session has ended. Ending it again is no error."""

    logged_out: Literal[True] = True


class GetMe(Request):
    """Get the user of the access token."""


class User(Reply):
    """A user, without secrets."""

    user_id: str
    email: str
    roles: tuple[str, ...]
    created_at: datetime
    disabled: bool = False
    """A disabled user cannot log in and has no session."""
    email_verified: bool = True
    """False until a user who must verify the e-mail address has done so. Such a user cannot log in."""


class Tokens(Reply):
    """An access token that is valid for `expires_in` seconds, and a refresh token for the next one."""

    access_token: Annotated[str, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a scheme, no token
    expires_in: int
    refresh_token: Annotated[str, Field(repr=False)]
    attempts: Attempts | None = None
    """For a login: how many attempts are allowed at once."""


class GetJwks(Request):
    """Get the public keys that verify access tokens."""


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
    """Change the password of the access token's user. All their other sessions end."""

    current_password: Annotated[Password, Field(repr=False)]
    new_password: Annotated[Password, Field(repr=False)]


class PasswordChanged(Reply):
    """The password has changed."""

    changed: Literal[True] = True


class ListSessions(Request):
    """List the sessions of the access token's user."""


class Session(Reply):
    """One login. `current` marks the session of this request."""

    session_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    client_address: str | None
    """Where the login came from, as seen by the gateway."""
    current: bool


class SessionPage(Reply):
    """All sessions, newest first."""

    items: Items[Session]
    next_cursor: None = None


class RevokeSession(Request):
    """End one session of the access token's user."""

    session_id: SessionId


class RevokeSessions(Request):
    """End every session of the access token's user, including this one."""


class SessionsEnded(Reply):
    """The sessions have ended. Ending them again is no error."""

    ended: Literal[True] = True


class ListRevoked(Request):
    """List revoked sessions whose access tokens may not have expired, page by page."""

    cursor: SessionId | None = None


class SessionsRevoked(Reply):
    """Access tokens of these sessions are no longer valid."""

    session_ids: tuple[str, ...]


class UserRegistered(Reply):
    """There is an account with this address."""

    user_id: str
    email: str
    registered_at: datetime
    is_new: bool
    """False for an account that is older than this event: it is announced once, so that others know of it."""
    email_verified: bool = True
    """False if the user must verify the address before the first login."""


class RevokedPage(SessionsRevoked):
    """A page of the list. The last page has no `next_cursor`."""

    next_cursor: SessionId | None = None


class UserState(StrEnum):
    """A state to look for. A user may be in several."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    UNVERIFIED = "unverified"


class ListUsers(Request):
    """List the users that match every given filter by e-mail address, page by page."""

    email: Email | None = None
    """The whole address."""
    q: Search | None = None
    """A part of the address, in any case."""
    role: Role | None = None
    state: UserState | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class UserPage(Reply):
    """A page of the list. The last page has no `next_cursor`."""

    items: Items[User]
    next_cursor: str | None


class GetUser(Request):
    """Get one user by id."""

    user_id: UserId


class UserPatch(Patch):
    """Changes of a user's rights."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=2)] = absent()
    disabled: bool = absent()


class UpdateUser(Request):
    """Change the rights of another user. Their sessions end, so that it takes effect at once."""

    user_id: UserId
    patch: UserPatch


class RotateKeys(Request):
    """Publish a new signing key. If one is already waiting to sign, that one is returned."""


class KeyRotation(Reply):
    """The published key, and when it starts to sign."""

    kid: str
    signs_from: datetime
