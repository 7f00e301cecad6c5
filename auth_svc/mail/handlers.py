"""Auth's endpoints for tokens by e-mail: password reset and verification of addresses."""

from auth_svc.emails import forms
from auth_svc.mail.issuer import TokenIssuer, digest
from auth_svc.mail.mailing import Mailing
from auth_svc.outbox import settle
from auth_svc.passwords import Passwords
from auth_svc.repository import Audit, Holder, MailedTokens, Users, audit_entry
from auth_svc.revocation import Revocation
from auth_svc.throttle import Throttle
from contracts.auth import AuditAction, AuthReason
from contracts.auth_mail import (
    EmailVerified,
    GetMailedToken,
    MailRequested,
    PasswordReset,
    RequestMailedToken,
    ResetPassword,
    TokenPurpose,
    TokenToMail,
    VerifyEmail,
)
from mesh.core.errors import Invalid, NotFound
from subjects import (
    AUTH_EMAIL_VERIFY,
    AUTH_MAILED_TOKENS_GET,
    AUTH_MAILED_TOKENS_REQUEST,
    AUTH_PASSWORD_RESET,
)
from worker.answers import answers


class MailHandlers:
    """One method per endpoint. Who presents a token proves to read the mail of its account."""

    def __init__(  # noqa: PLR0913  # each by name
        self,
        *,
        mailing: Mailing,
        tokens: MailedTokens,
        issuer: TokenIssuer,
        users: Users,
        audit: Audit,
        passwords: Passwords,
        throttle: Throttle,
        revocation: Revocation,
    ) -> None:
        self._mailing = mailing
        self._tokens = tokens
        self._issuer = issuer
        self._users = users
        self._audit = audit
        self._passwords = passwords
        self._throttle = throttle
        self._revocation = revocation

    @answers(AUTH_MAILED_TOKENS_REQUEST)
    async def request_token(self, request: RequestMailedToken) -> MailRequested:
        """Have a token mailed. Raises Invalid, RateLimited.

        It does not look for the account: neither the reply nor its time can reveal whether there is one.
        """
        emails = forms(request.email)
        async with self._throttle.mail(request.purpose.value, emails[-1]):
            await self._mailing.request(request.purpose, emails)
        return MailRequested()

    @answers(AUTH_PASSWORD_RESET)
    async def reset(self, request: ResetPassword) -> PasswordReset:
        """Set a new password, and end every session (OWASP Forgot Password Cheat Sheet). Raises Invalid, RateLimited.

        The sessions end before the change as well as after it, as at a change of the password. A repeated call with the
        same password finishes within a minute what the first one did not.
        """
        async with self._throttle.mailed_token():
            holder = await self._holder(request.token, TokenPurpose.PASSWORD_RESET)
            account = holder.account
            if holder.is_used and not await self._passwords.matches(request.new_password, account.password_hash):
                raise _invalid_token()
        if not holder.is_used:
            await self._replace(holder, request.new_password)
        await settle(account.user.user_id, self._users, self._revocation, self._audit)
        return PasswordReset()

    @answers(AUTH_EMAIL_VERIFY)
    async def verify(self, request: VerifyEmail) -> EmailVerified:
        """Verify the address. A repetition changes nothing. Raises Invalid."""
        holder = await self._holder(request.token, TokenPurpose.EMAIL_VERIFICATION)
        if await self._tokens.verify_email(holder):
            user_id = holder.account.user.user_id
            await self._audit.record(AuditAction.ENABLED, user_id, actor_id=None, detail="e-mail address verified")
        return EmailVerified()

    @answers(AUTH_MAILED_TOKENS_GET)
    async def get_token(self, request: GetMailedToken) -> TokenToMail:
        """The token for a mail. Raises NotFound if it is used or expired, or if AUTH_KEY_ENCRYPTION_KEY has changed."""
        token = self._issuer.token(request.token_id)
        found = await self._tokens.find(request.token_id)
        if found is None or found[0] != digest(token):
            raise NotFound(AuthReason.MAILED_TOKEN_NOT_FOUND, "there is no such token, or it is no longer valid")
        return TokenToMail(token=token, expires_at=found[1])

    async def _holder(self, token: str, purpose: TokenPurpose) -> Holder:
        holder = await self._tokens.holder(digest(token), purpose)
        if holder is None:
            raise _invalid_token()
        return holder

    async def _replace(self, holder: Holder, password: str) -> None:
        """Store the new password. Raises Invalid, also if another request used the token meanwhile."""
        user = holder.account.user
        self._passwords.require_strength(password, user.email, "new_password")
        password_hash = await self._passwords.hash(password)
        await self._revocation.end_all(user.user_id)
        entry = audit_entry(AuditAction.PASSWORD_CHANGED, user.user_id, actor_id=None, detail="reset by e-mail")
        if not await self._tokens.reset_password(holder, password_hash, [entry]):
            raise _invalid_token()


def _invalid_token() -> Invalid:
    return Invalid.field("token", AuthReason.INVALID_MAILED_TOKEN, "is not valid: it may have expired or been used")
