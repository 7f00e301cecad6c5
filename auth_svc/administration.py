"""What administrators do: change rights, read the audit log, rotate keys."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from auth_svc.emails import folded, forms
from auth_svc.outbox import settle
from auth_svc.repository import Audit, UserFilter, Users, audit_entry
from auth_svc.revocation import Revocation
from auth_svc.signer import Signer
from contracts.auth import (
    AuditAction,
    AuthReason,
    GetUser,
    KeyRotation,
    ListUsers,
    RotateKeys,
    UpdateUser,
    User,
    UserPage,
    UserPatch,
)
from contracts.auth_audit import AuditPage, ListAudit
from mesh.core import context
from mesh.core.errors import Forbidden, Invalid, Unavailable
from mesh.security.verifier import ADMIN
from providers.mongo.database import Document
from subjects import AUTH_AUDIT_LIST, AUTH_KEYS_ROTATE, AUTH_USERS_GET, AUTH_USERS_LIST, AUTH_USERS_UPDATE
from worker.answers import answers


class Administration:
    """One method per endpoint, all for callers with the role ADMIN."""

    def __init__(self, *, users: Users, audit: Audit, revocation: Revocation, signer: Signer) -> None:
        self._users = users
        self._audit = audit
        self._revocation = revocation
        self._signer = signer

    @answers(AUTH_USERS_LIST)
    async def list_users(self, request: ListUsers) -> UserPage:
        """Users, page by page. Raises Invalid."""
        try:
            emails = forms(request.email) if request.email is not None else (None,)
        except Invalid:
            return UserPage(items=(), next_cursor=None)
        part = folded(request.q) if request.q is not None else None
        filters = [UserFilter(email, part, request.role, request.state) for email in emails]
        pages = [await self._users.list(one, cursor=request.cursor, limit=request.limit) for one in filters]
        return next((page for page in pages if page.items), pages[-1])

    @answers(AUTH_USERS_GET)
    async def get_user(self, request: GetUser) -> User:
        """One user. Raises NotFound."""
        return await self._users.get(request.user_id)

    @answers(AUTH_USERS_UPDATE)
    async def update_user(self, request: UpdateUser) -> User:
        """Change the rights of another user, and end their sessions. Raises Forbidden, NotFound, Unavailable.

        Nobody may change their own rights (OWASP ASVS 5, V8.2). So an administrator always remains: one who demotes
        another keeps the role, since nobody can demote them meanwhile. Unavailable means that the other administrator
        is changing somebody's rights at the same moment.

        The sessions end before the change as well as after it. If the process dies right after the change, no old
        session goes on with other rights. The outbox of the user records what is left, and a repeated call finishes it.
        All checks come before that: a refused change ends no session.
        """
        actor_id = context.caller().user_id
        if request.user_id == actor_id:
            await self._refused(request.user_id, AuthReason.OWN_ACCOUNT)
            raise Forbidden(AuthReason.OWN_ACCOUNT, "you cannot change your own rights: ask another administrator")
        async with self._acting(actor_id, request.user_id):
            user = await self._users.get(request.user_id)
            if _changes(user, request.patch):
                user = await self._change(user, request.patch, actor_id)
            await settle(user.user_id, self._users, self._revocation, self._audit)
        return user

    async def _change(self, user: User, patch: UserPatch, actor_id: str) -> User:
        async with self._changing(user.user_id):
            while changes := _changes(user, patch):
                await self._revocation.end_all(user.user_id)
                after = await self._users.change_rights(user, changes, _entries(user, changes, actor_id))
                user = after or await self._users.get(user.user_id)  # they were changed meanwhile
        return user

    @asynccontextmanager
    async def _acting(self, actor_id: str, subject_id: str) -> AsyncIterator[None]:
        act = await self._users.begin_acting(actor_id)
        if act is None:
            actor = await self._users.find(actor_id)
            if actor is not None and ADMIN in actor.roles and not actor.disabled:
                raise Unavailable(AuthReason.RIGHTS_IN_USE, "your own rights are being changed: try again")
            await self._refused(subject_id, "role_required")  # the role was revoked after the token was signed
            raise Forbidden("role_required", "the role ADMIN is required")
        try:
            yield
        finally:
            await self._users.end_acting(actor_id, act)

    @asynccontextmanager
    async def _changing(self, user_id: str) -> AsyncIterator[None]:
        change = await self._users.begin_change(user_id)
        if change is None:
            raise Unavailable(AuthReason.RIGHTS_IN_USE, "this user is changing somebody's rights: try again")
        try:
            yield
        finally:
            await self._users.end_change(user_id, change)

    async def _refused(self, user_id: str, reason: str) -> None:
        action = AuditAction.RIGHTS_CHANGE_REFUSED
        await self._audit.record(action, user_id, actor_id=context.caller().user_id, detail=reason)

    @answers(AUTH_AUDIT_LIST)
    async def list_audit(self, request: ListAudit) -> AuditPage:
        """The audit log, newest first, including actions that are not finished."""
        await self._audit.keep(await self._users.outbox())
        return await self._audit.list(request)

    @answers(AUTH_KEYS_ROTATE)
    async def rotate_keys(self, _: RotateKeys) -> KeyRotation:
        """Publish a new key. It signs some time later."""
        rotation = await self._signer.rotate()
        await self._audit.record(AuditAction.KEYS_ROTATED, None, actor_id=context.caller().user_id, detail=rotation.kid)
        return rotation


def _changes(user: User, patch: UserPatch) -> dict[str, Any]:
    """The fields to set that differ from the user's. A role that is named twice counts once."""
    rights = patch.changes()
    if "roles" in rights:
        rights["roles"] = tuple(sorted(set(rights["roles"]), reverse=True))
    return {name: value for name, value in rights.items() if getattr(user, name) != value}


def _entries(user: User, changes: Mapping[str, Any], actor_id: str) -> list[Document]:
    """The entries for the audit log."""
    entries = []
    if "roles" in changes:
        detail = f"{' '.join(user.roles)} -> {' '.join(changes['roles'])}"
        entries.append(audit_entry(AuditAction.ROLES_CHANGED, user.user_id, actor_id=actor_id, detail=detail))
    if "disabled" in changes:
        action = AuditAction.DISABLED if changes["disabled"] else AuditAction.ENABLED
        entries.append(audit_entry(action, user.user_id, actor_id=actor_id))
    return entries
