"""What users may do to their own account: another password, a look at their sessions, an end to them."""

from auth_svc.outbox import settle
from auth_svc.passwords import Passwords
from auth_svc.repository import Audit, Sessions, Users, audit_entry
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
from mesh import context
from mesh.errors import Invalid, NotFound


class OwnAccount:
    """One method an endpoint, all for the user whom the access token speaks for."""

    def __init__(  # noqa: PLR0913  # what the endpoints stand on, each once
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

    async def change_password(self, request: ChangePassword) -> PasswordChanged:
        """Change it, if the present one is known too (OWASP ASVS 5, V6.2.3); other sessions end (V7.4.3).

        They end before the change as well: where it is stored and nothing more comes to pass, no thief goes on. The
        rest is in the user's outbox, for the repeat to do: by then the new password is the present one. Only the
        session that has just made it so may repeat, or each attempt would be two guesses.

        Raises Invalid, RateLimited, NotFound.
        """
        caller = context.caller()
        user = await self._users.get(caller.user_id)
        self._passwords.demand_strength(request.new_password, user.email, "new_password")
        async with self._throttle.attempt(user.email):
            if not await self._replace(request) and not await self._is_repeated(request):
                await self._audit.record(AuditAction.PASSWORD_CHANGE_FAILED, caller.user_id, actor_id=caller.user_id)
                raise Invalid.field("current_password", AuthReason.WRONG_PASSWORD, "is not the present one")
        await settle(caller.user_id, self._users, self._revocation, self._audit, but=caller.session_id)
        return PasswordChanged()

    async def _replace(self, request: ChangePassword) -> bool:
        """Store the new password, if the present one was named and is so still; says whether it was stored."""
        caller = context.caller()
        account = await self._users.find_account_of(caller.user_id)
        if account is None or not await self._passwords.matches(request.current_password, account.password_hash):
            return False
        password_hash = await self._passwords.hash(request.new_password)
        await self._revocation.end_all(caller.user_id, but=caller.session_id)
        entry = audit_entry(AuditAction.PASSWORD_CHANGED, caller.user_id, actor_id=caller.user_id)
        return await self._users.replace_password(account, password_hash, caller.session_id, [entry])

    async def _is_repeated(self, request: ChangePassword) -> bool:
        caller = context.caller()
        if not await self._users.has_just_changed_password(caller.user_id, caller.session_id):
            return False
        account = await self._users.find_account_of(caller.user_id)
        return account is not None and await self._passwords.matches(request.new_password, account.password_hash)

    async def list_sessions(self, _: ListSessions) -> SessionPage:
        """The user's sessions."""
        caller = context.caller()
        return SessionPage(items=tuple(await self._sessions.list(caller.user_id, current=caller.session_id)))

    async def revoke_session(self, request: RevokeSession) -> SessionsEnded:
        """End one of them. Raises NotFound, the same for one that is somebody else's."""
        caller = context.caller()
        if await self._revocation.end(caller.user_id, request.session_id):
            revoked, user_id = AuditAction.SESSION_REVOKED, caller.user_id
            await self._audit.record(revoked, user_id, actor_id=user_id, detail=request.session_id)
        elif not await self._sessions.has_ended(caller.user_id, request.session_id):
            raise NotFound(AuthReason.SESSION_NOT_FOUND, "you have no such session")
        return SessionsEnded()

    async def revoke_sessions(self, _: RevokeSessions) -> SessionsEnded:
        """End all of them, the one that asks too; one that has ended already ends no more."""
        caller = context.caller()
        if not await self._sessions.is_revoked(caller.session_id):
            await self._revocation.end_all(caller.user_id)
            await self._audit.record(AuditAction.SESSIONS_REVOKED, caller.user_id, actor_id=caller.user_id)
        return SessionsEnded()
