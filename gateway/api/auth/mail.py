"""`/v1/auth/password/reset` and `/v1/auth/email/verification`: what users do with a token that they get by e-mail."""

from fastapi import APIRouter

from contracts.auth_mail import (
    EmailVerified,
    MailRequested,
    PasswordReset,
    RequestMailedToken,
    ResetPassword,
    TokenPurpose,
    VerifyEmail,
)
from gateway.api.auth.mail_schemas import Address, NewPassword, Verification
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import (
    AUTH_EMAIL_VERIFY,
    AUTH_MAILED_TOKENS_REQUEST,
    AUTH_PASSWORD_RESET,
)

router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=JsonRoute)


@router.post("/password/reset", status_code=204, summary="Ask for a mail that resets the password")
async def request_password_reset(
    body: Address, call: Call[RequestMailedToken, MailRequested] = calls(AUTH_MAILED_TOKENS_REQUEST)
) -> None:
    """Send a token to this address if it has an account. The response is the same if it has none."""
    await call(RequestMailedToken(purpose=TokenPurpose.PASSWORD_RESET, email=body.email))


@router.post("/password/reset/confirm", status_code=204, summary="Reset the password")
async def reset_password(
    body: NewPassword, call: Call[ResetPassword, PasswordReset] = calls(AUTH_PASSWORD_RESET)
) -> None:
    """Set a new password with the token from the mail, once within 30 minutes. All sessions of the user end."""
    await call(ResetPassword(token=body.token, new_password=body.new_password))


@router.post("/email/verification", status_code=204, summary="Ask for a mail that verifies the address")
async def request_email_verification(
    body: Address, call: Call[RequestMailedToken, MailRequested] = calls(AUTH_MAILED_TOKENS_REQUEST)
) -> None:
    """Send another token to this address if its account is not verified. The response is the same otherwise."""
    await call(RequestMailedToken(purpose=TokenPurpose.EMAIL_VERIFICATION, email=body.email))


@router.post("/email/verification/confirm", status_code=204, summary="Verify the e-mail address")
async def verify_email(body: Verification, call: Call[VerifyEmail, EmailVerified] = calls(AUTH_EMAIL_VERIFY)) -> None:
    """Verify the address with the token from the mail, within 24 hours."""
    await call(VerifyEmail(token=body.token))
