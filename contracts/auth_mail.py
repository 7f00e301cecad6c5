"""The payloads of `auth.*` for tokens that a user gets by e-mail: to reset a password, to verify an address."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from contracts.auth import HEX_ID, Email, Password
from contracts.base import Form, Reply, Request

MailedToken = Annotated[str, Form(r"^[A-Za-z0-9_-]{43}$", "must be a token as received by e-mail")]
MailedTokenId = Annotated[str, HEX_ID]
"""Names a token without revealing it."""


class TokenPurpose(StrEnum):
    """What a token is for."""

    PASSWORD_RESET = "password_reset"  # noqa: S105  # a purpose, no password
    EMAIL_VERIFICATION = "email_verification"


class RequestMailedToken(Request):
    """Send a token to this address, if it has an account that can use it."""

    purpose: TokenPurpose
    email: Email


class MailRequested(Reply):
    """The request is accepted. The reply is the same whether or not there is such an account."""

    accepted: Literal[True] = True


class ResetPassword(Request):
    """Set a new password with the token. It works once, for 30 minutes. All sessions of the user end."""

    token: Annotated[MailedToken, Field(repr=False)]
    new_password: Annotated[Password, Field(repr=False)]


class PasswordReset(Reply):
    """The password is set."""

    reset: Literal[True] = True


class VerifyEmail(Request):
    """Prove with the token that the address is one's own."""

    token: Annotated[MailedToken, Field(repr=False)]


class EmailVerified(Reply):
    """The address is verified."""

    verified: Literal[True] = True


class GetMailedToken(Request):
    """Get the token to put into the mail."""

    token_id: MailedTokenId


class TokenToMail(Reply):
    """The token, and when it expires."""

    token: Annotated[str, Field(repr=False, max_length=64)]
    expires_at: datetime


class MailedTokenRequested(Reply):
    """The user is to get a token by e-mail. The event names the token, and does not contain it (ADR 41)."""

    user_id: str
    token_id: MailedTokenId
    requested_at: datetime
    expires_at: datetime


class PasswordResetRequested(MailedTokenRequested):
    """The user is to get a token that resets the password."""


class EmailVerificationRequested(MailedTokenRequested):
    """The user is to get a token that verifies the address."""
