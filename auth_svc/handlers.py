"""What each endpoint of auth does."""

from datetime import UTC, datetime, timedelta

from auth_svc.emails import normalise
from auth_svc.passwords import Passwords
from auth_svc.repository import Account, Sessions, SigningKeys, Users
from auth_svc.settings import AuthSettings
from auth_svc.tokens import AccessTokens, digest, new_refresh_token
from contracts.auth import (
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
from mesh import context
from mesh.errors import Invalid, Unauthenticated
from mesh.idempotency import key_reused
from mesh.tokens import USER


class Handlers:
    """One method an endpoint, named by its verb."""

    def __init__(  # noqa: PLR0913  # what the endpoints stand on, each once
        self,
        settings: AuthSettings,
        *,
        users: Users,
        sessions: Sessions,
        signing_keys: SigningKeys,
        passwords: Passwords,
        access_tokens: AccessTokens,
    ) -> None:
        self._session_lifetime = timedelta(seconds=settings.auth_refresh_token_lifetime)
        self._users = users
        self._sessions = sessions
        self._signing_keys = signing_keys
        self._passwords = passwords
        self._access_tokens = access_tokens

    async def register(self, request: Register) -> User:
        """Make a user with the role USER, once for each Idempotency-Key. Raises Invalid, Conflict, RateLimited."""
        email = normalise(request.email)
        self._passwords.demand_strength(request.password)
        password_hash = await self._passwords.hash(request.password)
        current = context.current()
        if current is None or current.idempotency_key is None:
            return await self._users.create(email, password_hash, USER)
        account = await self._users.create_once(current.idempotency_key, email, password_hash, USER)
        if account.password_hash == password_hash:  # of today: its salt is like no other
            return account.user
        # No digest of the payload is kept: a fast one would give the password away.
        if account.user.email != email or not await self._passwords.matches(request.password, account.password_hash):
            raise key_reused()
        return account.user

    async def login(self, request: Login) -> Tokens:
        """Begin a session. Raises Unauthenticated, the same for whatever does not fit, and RateLimited."""
        account = await self._find_account(request.email)
        matches = await self._passwords.matches(request.password, account.password_hash if account else None)
        if account is None or not matches:
            raise Unauthenticated(AuthReason.INVALID_CREDENTIALS, "the e-mail address or the password is wrong")
        if self._passwords.is_outdated(account.password_hash):
            await self._users.replace_hash(account, await self._passwords.hash(request.password))
        refresh_token = new_refresh_token()
        ends = datetime.now(UTC) + self._session_lifetime
        session = await self._sessions.create(account.user.user_id, digest(refresh_token), ends)
        return self._tokens(account.user, session.session_id, refresh_token)

    async def refresh(self, request: Refresh) -> Tokens:
        """Trade the refresh token for new tokens, with the roles of today. Raises Unauthenticated."""
        used = digest(request.refresh_token)
        session = await self._sessions.find(used)
        user = await self._users.find(session.user_id) if session else None
        successor = new_refresh_token()
        # The trade comes last: whoever fails before it still has a token that is good.
        if session is None or user is None or not await self._sessions.rotate(used, digest(successor)):
            raise Unauthenticated(AuthReason.INVALID_REFRESH_TOKEN, "the refresh token is not valid")
        return self._tokens(user, session.session_id, successor)

    async def logout(self, request: Logout) -> LoggedOut:
        """End the session, in the same words whether or not there was one (RFC 7009, section 2.2).

        Raises Unauthenticated where neither token tells which.
        """
        if request.refresh_token is not None:
            await self._sessions.end_by_hash(digest(request.refresh_token))
        else:
            await self._sessions.end(context.caller().session_id)
        return LoggedOut()

    async def me(self, _: GetMe) -> User:
        """The user whom the access token speaks for. Raises NotFound."""
        return await self._users.get(context.caller().user_id)

    async def jwks(self, _: GetJwks) -> Jwks:
        """The public keys, those of other replicas included."""
        return Jwks(keys=await self._signing_keys.list())

    async def _find_account(self, email: str) -> Account | None:
        try:
            return await self._users.find_account(normalise(email))
        except Invalid:
            return None

    def _tokens(self, user: User, session_id: str, refresh_token: str) -> Tokens:
        return Tokens(
            access_token=self._access_tokens.sign(user, session_id),
            expires_in=self._access_tokens.lifetime,
            refresh_token=refresh_token,
        )
