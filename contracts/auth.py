"""The payloads of `auth.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.base import Reply, Request, text

Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^\x00\s@]+@[^\x00\s@]+$")]
Password = Annotated[str, text(256)]
"""Any text of a size that can be handled; which ones are good enough is the auth service's to say."""
RefreshToken = Annotated[str, StringConstraints(min_length=20, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]


class AuthReason(StrEnum):
    """Why an auth endpoint refuses."""

    EMAIL_TAKEN = "email_taken"
    INVALID_EMAIL = "invalid_email"
    WEAK_PASSWORD = "weak_password"  # noqa: S105  # a reason, no password
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_REFRESH_TOKEN = "invalid_refresh_token"  # noqa: S105  # a reason, no token
    TOKEN_REQUIRED = "token_required"  # noqa: S105  # a reason, no token
    TOO_MANY_LOGINS = "too_many_logins"
    USER_NOT_FOUND = "user_not_found"
    KEY_REUSED = "idempotency_key_reused"


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


class Tokens(Reply):
    """An access token for `expires_in` seconds, and the refresh token for the next one."""

    access_token: Annotated[str, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a scheme, no token
    expires_in: int
    refresh_token: Annotated[str, Field(repr=False)]


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
