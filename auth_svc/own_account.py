"""What users do with their own account: change the password, list and end sessions."""

from auth_svc.outbox import settle
from auth_svc.passwords import Passwords
from auth_svc.repository import Account, Audit, Sessions, Users, audit_entry
from auth_svc.revocation import Revocation
from auth_svc.throttle import Throttle
from contracts.auth import (
    AuditAction,
    AuthReason,
    ChangePassword,
    ListSessions,
    PasswordChanged,
    RevokeSession,
    RevokeSessions,
    SessionPage,
    SessionsEnded,
)
from mesh.core import context
from mesh.core.errors import Invalid, NotFound, Unavailable
from subjects import AUTH_PASSWORD_CHANGE, AUTH_SESSIONS_LIST, AUTH_SESSIONS_REVOKE, AUTH_SESSIONS_REVOKE_ALL
from worker.answers import answers


class OwnAccount:
    """One method per endpoint, all for the user of the access token."""

    def __init__(  # noqa: PLR0913  # each by name
        self,
        *,
        users: Users,
        sessions: Sessions,
        audit: Audit,
        passwords: Passwords,
        throttle: Throttle,
        revocation: Revocation,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._audit = audit
        self._passwords = passwords
        self._throttle = throttle
        self._revocation = revocation

    @answers(AUTH_PASSWORD_CHANGE)
    async def change_password(self, request: ChangePassword) -> PasswordChanged:
        """Change the password, if the current one is given (OWASP ASVS 5, V6.2.3). Other sessions end (V7.4.3).

        They end before the change as well as after it. If the process dies right after the change, no thief's session
        goes on. The outbox of the user records what is left, and a repeated call finishes it. Then the new password is
        already the current one. Only the session that made the change may repeat it: otherwise each attempt would be
        two guesses.

        If two sessions change it at once, one is refused before it ends any session. Raises Invalid, RateLimited,
        NotFound, and Unavailable while another session changes it.
        """
        caller = context.caller()
        user = await self._users.get(caller.user_id)
        self._passwords.require_strength(request.new_password, user.email, "new_password")
        async with self._throttle.attempt(user.email):
            account = await self._proved(request)
        if account is not None:  # outside the block: a refusal from here on is no wrong guess
            await self._replace(account, request)
        await settle(caller.user_id, self._users, self._revocation, self._audit, but=caller.session_id)
        return PasswordChanged()

    async def _proved(self, request: ChangePassword) -> Account | None:
        """The account that the current password opens; None if the change is already made. Raises Invalid."""
        account = await self._users.find_account_of(context.caller().user_id)
        if account is not None and await self._passwords.matches(request.current_password, account.password_hash):
            return account
        if not await self._is_repeated(request):
            raise await self._wrong()
        return None

    async def _replace(self, account: Account, request: ChangePassword) -> None:
        """Store the new password. Raises Invalid if it has changed meanwhile, Unavailable while it is being changed."""
        caller = context.caller()
        password_hash = await self._passwords.hash(request.new_password)
        if await self._users.begin_password_change(account, caller.session_id):
            try:
                await self._revocation.end_all(caller.user_id, but=caller.session_id)
                entry = audit_entry(AuditAction.PASSWORD_CHANGED, caller.user_id, actor_id=caller.user_id)
                if await self._users.replace_password(account, password_hash, caller.session_id, [entry]):
                    return
            finally:
                await self._users.end_password_change(caller.user_id, caller.session_id)
        latest = await self._users.find_account_of(caller.user_id)
        if latest is not None and latest.password_hash == account.password_hash:
            raise Unavailable(
                AuthReason.PASSWORD_CHANGE_IN_PROGRESS, "another session of yours is changing the password"
            )
        if not await self._is_repeated(request):
            raise await self._wrong()

    async def _is_repeated(self, request: ChangePassword) -> bool:
        caller = context.caller()
        if not await self._users.has_just_changed_password(caller.user_id, caller.session_id):
            return False
        account = await self._users.find_account_of(caller.user_id)
        return account is not None and await self._passwords.matches(request.new_password, account.password_hash)

    async def _wrong(self) -> Invalid:
        user_id = context.caller().user_id
        await self._audit.record(AuditAction.PASSWORD_CHANGE_FAILED, user_id, actor_id=user_id)
        return Invalid.field("current_password", AuthReason.WRONG_PASSWORD, "is not the current one")

    @answers(AUTH_SESSIONS_LIST)
    async def list_sessions(self, _: ListSessions) -> SessionPage:
        """The user's sessions."""
        caller = context.caller()
        return SessionPage(items=tuple(await self._sessions.list(caller.user_id, current=caller.session_id)))

    @answers(AUTH_SESSIONS_REVOKE)
    async def revoke_session(self, request: RevokeSession) -> SessionsEnded:
        """End one of the user's sessions. Raises NotFound, also for a session of another user."""
        caller = context.caller()
        if await self._revocation.end(caller.user_id, request.session_id):
            revoked, user_id = AuditAction.SESSION_REVOKED, caller.user_id
            await self._audit.record(revoked, user_id, actor_id=user_id, detail=request.session_id)
        elif not await self._sessions.has_ended(caller.user_id, request.session_id):
            raise NotFound(AuthReason.SESSION_NOT_FOUND, "you have no session with this id")
        return SessionsEnded()

    @answers(AUTH_SESSIONS_REVOKE_ALL)
    async def revoke_sessions(self, _: RevokeSessions) -> SessionsEnded:
        """End all of the user's sessions, including this one. From an ended session it does nothing."""
        caller = context.caller()
        if not await self._sessions.is_revoked(caller.session_id):
            await self._revocation.end_all(caller.user_id)
            await self._audit.record(AuditAction.SESSIONS_REVOKED, caller.user_id, actor_id=caller.user_id)
        return SessionsEnded()
