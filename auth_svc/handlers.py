"""Auth's endpoints for everyone: accounts, logins and the tokens of a session."""

from collections.abc import Sequence

from auth_svc.emails import forms, normalise
from auth_svc.keys import SigningKey
from auth_svc.mail.issuer import TokenIssuer
from auth_svc.outbox import settle_new
from auth_svc.passwords import Passwords
from auth_svc.refreshing import Refreshing, invalid_refresh_token
from auth_svc.repository import Account, Audit, Session, Sessions, SigningKeys, Users, email_taken, unverified
from auth_svc.revocation import Revocation
from auth_svc.signer import Signer
from auth_svc.throttle import Throttle
from auth_svc.tokens import AccessTokens, RefreshTokens
from contracts.auth import (
    AuditAction,
    AuthReason,
    GetJwks,
    GetMe,
    Jwks,
    LoggedOut,
    Login,
    Logout,
    Refresh,
    Register,
    Tokens,
    User,
)
from contracts.auth_mail import TokenPurpose
from mesh.core import context
from mesh.core.errors import Forbidden, Invalid, Unauthenticated
from mesh.security.verifier import USER
from mesh.service.idempotency import key_reused
from providers.mongo.database import Document
from subjects import AUTH_JWKS, AUTH_LOGIN, AUTH_LOGOUT, AUTH_ME, AUTH_REFRESH, AUTH_REGISTER
from worker.answers import answers


class Handlers:
    """One method per endpoint, named by its verb."""

    def __init__(  # noqa: PLR0913  # each by name
        self,
        *,
        users: Users,
        sessions: Sessions,
        signing_keys: SigningKeys,
        audit: Audit,
        passwords: Passwords,
        throttle: Throttle,
        revocation: Revocation,
        signer: Signer,
        access_tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        verification: TokenIssuer | None = None,
    ) -> None:
        """`verification` makes tokens that verify the addresses of new users; None requires no verification."""
        self._users = users
        self._sessions = sessions
        self._signing_keys = signing_keys
        self._audit = audit
        self._passwords = passwords
        self._throttle = throttle
        self._revocation = revocation
        self._signer = signer
        self._access_tokens = access_tokens
        self._refresh_tokens = refresh_tokens
        self._verification = verification
        self._refreshing = Refreshing(sessions, refresh_tokens, revocation, audit)

    @answers(AUTH_REGISTER)
    async def register(self, request: Register) -> User:
        """Create a user with the role USER, once per Idempotency-Key. Raises Invalid, Conflict, RateLimited.

        The reply reveals whether an address is taken: without sending mail there is no way to tell only its owner. It
        costs as much as a success, and each registration counts as an attempt from the client's address, so few can be
        probed.
        """
        email = normalise(request.email)
        self._passwords.require_strength(request.password, email)
        is_repeated = False
        async with self._throttle.registration():
            password_hash = await self._passwords.hash(request.password)
            if await self._find_account(forms(request.email)[:-1]):
                raise email_taken()
            current = context.current()
            if current is None or current.idempotency_key is None:
                user = await self._users.create(email, password_hash, USER, self._prepare)
            else:
                account = await self._users.create_once(
                    current.idempotency_key, email, password_hash, USER, self._prepare
                )
                user = account.user
                # The new hash has another salt. No digest of the payload is stored: it would reveal the password.
                is_repeated = account.password_hash != password_hash
        if is_repeated:  # outside the block: a refusal after hashing counts too
            await self._require_the_same(request.password, email, account)
        await settle_new(user.user_id, self._users, self._audit)
        return user

    @answers(AUTH_LOGIN)
    async def login(self, request: Login) -> Tokens:
        """Start a session. Raises Unauthenticated, with the same text for every mismatch, RateLimited, and Forbidden.

        Forbidden means that the password is right, and the address not verified yet.

        An unknown account costs the same steps as a wrong password (OWASP ASVS 5, V6.3.8).
        """
        emails = _named(request.email)
        async with self._throttle.attempt(emails[-1]) as pause:
            account = await self._prove(emails, request.password, pause)
            if self._passwords.is_outdated(account.password_hash):
                renewed = await self._passwords.hash(request.password)
                if await self._users.replace_hash(account, renewed):
                    account = Account(account.user, renewed)
                else:  # another login replaced the hash, or the password changed
                    account = await self._prove(emails, request.password, pause)
            session = await self._begin(account) if account.user.email_verified else None
        if session is None:  # outside the block: it is no wrong guess
            raise Forbidden(AuthReason.EMAIL_NOT_VERIFIED, "verify your e-mail address first: you got a mail")
        await self._audit.record(AuditAction.LOGGED_IN, session.user_id, actor_id=session.user_id)
        tokens = self._tokens(await self._signer.key(), account.user, session)
        return tokens.model_copy(update={"attempts": self._throttle.account_attempts})

    @answers(AUTH_REFRESH)
    async def refresh(self, request: Refresh) -> Tokens:
        """Exchange the refresh token for new tokens, with the user's current roles. Raises Unauthenticated."""
        token = await self._refreshing.find(request.refresh_token)
        user = await self._users.find(token.session.user_id) if token else None
        # The exchange comes last: a caller that fails before it still has a valid token.
        if token is None or user is None or user.disabled:
            raise invalid_refresh_token()
        key = await self._signer.key()
        return self._tokens(key, user, await self._refreshing.trade(token))

    @answers(AUTH_LOGOUT)
    async def logout(self, request: Logout) -> LoggedOut:
        """End the session. The reply is the same whether or not there was one (RFC 7009, section 2.2).

        Raises Unauthenticated if neither token identifies a session.
        """
        if request.refresh_token is not None:
            token = await self._refreshing.find(request.refresh_token)
            ending = (token.session.user_id, token.session.session_id) if token else None
        else:
            caller = context.caller()
            ending = (caller.user_id, caller.session_id)
        if ending and await self._revocation.end(*ending):
            await self._audit.record(AuditAction.LOGGED_OUT, ending[0], actor_id=ending[0])
        return LoggedOut()

    @answers(AUTH_ME)
    async def me(self, _: GetMe) -> User:
        """The user of the access token. Raises NotFound."""
        return await self._users.get(context.caller().user_id)

    @answers(AUTH_JWKS)
    async def jwks(self, _: GetJwks) -> Jwks:
        """The public keys: those that sign, those that will, and those whose tokens have not expired."""
        return Jwks(keys=await self._signing_keys.list())

    def _prepare(self, user: Document) -> Document:
        """The document of a new user, with a token if the address must be verified."""
        return unverified(user, self._verification.new(TokenPurpose.EMAIL_VERIFICATION)) if self._verification else user

    async def _require_the_same(self, password: str, email: str, account: Account) -> None:
        """Raise Conflict unless the key's first registration was the same. A wrong password counts as a guess."""
        if account.user.email != email:
            raise key_reused()
        async with self._throttle.attempt(email):
            if not await self._passwords.matches(password, account.password_hash):
                raise key_reused()

    async def _find_account(self, emails: Sequence[str]) -> Account | None:
        """The account with the first form of the address that exists. Every form is queried, to take equal time."""
        found = [await self._users.find_account(email) for email in emails]
        return next(filter(None, found), None)

    async def _prove(self, emails: Sequence[str], password: str, pause: int) -> Account:
        """The account that the password opens. Raises Unauthenticated."""
        account = await self._find_account(emails)
        matches = await self._passwords.matches(password, account.password_hash if account else None)
        if account is None or not matches or account.user.disabled:
            await self._audit.record(AuditAction.LOGIN_FAILED, account.user.user_id if account else None, actor_id=None)
            raise _invalid_credentials(pause)
        return account

    async def _begin(self, account: Account) -> Session:
        """Start a session, unless the account has changed since the password was checked."""
        current = context.current()
        session = await self._revocation.begin(account.user.user_id, current.client_address if current else None)
        # A change of an account ends its existing sessions. In this order no session escapes it.
        today = await self._users.find_account_of(account.user.user_id)
        if today != account:
            await self._revocation.end(session.user_id, session.session_id)
            raise _invalid_credentials()
        await self._revocation.end_surplus(session.user_id)  # last: a refused login ends no session
        return session

    def _tokens(self, key: SigningKey, user: User, session: Session) -> Tokens:
        access_token, expires_in = self._access_tokens.sign(key, user, session)
        refresh_token = self._refresh_tokens.issue(session)
        return Tokens(access_token=access_token, expires_in=expires_in, refresh_token=refresh_token)


def _named(email: str) -> tuple[str, ...]:
    """The forms of the address. An invalid one is returned as it is: it is counted, and not found."""
    try:
        return forms(email)
    except Invalid:
        return (email.casefold(),)


def _invalid_credentials(pause: int = 0) -> Unauthenticated:
    fault = Unauthenticated(AuthReason.INVALID_CREDENTIALS, "the e-mail address or the password is wrong")
    fault.retry_after = pause or None
    return fault
