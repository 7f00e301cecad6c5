"""What administrators do: other people's rights, the audit log, the keys."""

from typing import Any

from auth_svc.emails import normalise
from auth_svc.repository import Audit, Users
from auth_svc.revocation import Revocation
from auth_svc.signer import Signer
from contracts.auth import (
    AuditAction,
    AuditPage,
    AuthReason,
    GetUser,
    KeyRotation,
    ListAudit,
    ListUsers,
    RotateKeys,
    UpdateUser,
    User,
    UserPage,
    UserPatch,
)
from mesh import context
from mesh.errors import Forbidden, Invalid
from mesh.tokens import ADMIN


class Administration:
    """One method an endpoint, all for callers with the role ADMIN."""

    def __init__(self, *, users: Users, audit: Audit, revocation: Revocation, signer: Signer) -> None:
        self._users = users
        self._audit = audit
        self._revocation = revocation
        self._signer = signer

    async def list_users(self, request: ListUsers) -> UserPage:
        """Users, page by page. Raises Invalid."""
        try:
            email = normalise(request.email) if request.email is not None else None
        except Invalid:
            return UserPage(items=(), next_cursor=None)
        return await self._users.list(email=email, cursor=request.cursor, limit=request.limit)

    async def get_user(self, request: GetUser) -> User:
        """One user. Raises NotFound."""
        return await self._users.get(request.user_id)

    async def update_user(self, request: UpdateUser) -> User:
        """Change what another user may do, and end their sessions. Raises Forbidden, NotFound.

        Nobody changes their own rights (OWASP ASVS 5, V8.2). So an administrator always remains: whoever takes the
        role from another one keeps it. That they keep it is looked up after the change, since two may be about to take
        it from each other; then both are undone.
        """
        caller = context.caller()
        if request.user_id == caller.user_id:
            raise Forbidden(AuthReason.OWN_ACCOUNT, "nobody changes their own rights: ask another administrator")
        changed = await self._users.change_rights(request.user_id, _rights(request.patch))
        if changed is None:
            return await self._users.get(request.user_id)
        before, after = changed
        if before == after:
            return after
        actor = await self._users.find(caller.user_id)
        if actor is None or actor.disabled or ADMIN not in actor.roles:
            await self._users.change_rights(before.user_id, {"roles": [*before.roles], "disabled": before.disabled})
            raise Forbidden("role_required", "the role ADMIN is needed here")
        await self._revocation.end_all(after.user_id)
        for action, detail in _differences(before, after):
            await self._audit.record(action, after.user_id, actor_id=caller.user_id, detail=detail)
        return after

    async def list_audit(self, request: ListAudit) -> AuditPage:
        """What was done, the newest first."""
        return await self._audit.list(subject_id=request.user_id, before=request.cursor, limit=request.limit)

    async def rotate_keys(self, _: RotateKeys) -> KeyRotation:
        """Publish a new key, which signs a while later."""
        rotation = await self._signer.rotate()
        await self._audit.record(AuditAction.KEYS_ROTATED, None, actor_id=context.caller().user_id, detail=rotation.kid)
        return rotation


def _rights(patch: UserPatch) -> dict[str, Any]:
    """The fields to set; a role that is named twice is there once."""
    rights = patch.changes()
    if "roles" in rights:
        rights["roles"] = sorted(set(rights["roles"]), reverse=True)
    return rights


def _differences(before: User, after: User) -> list[tuple[AuditAction, str | None]]:
    found: list[tuple[AuditAction, str | None]] = []
    if before.roles != after.roles:
        found.append((AuditAction.ROLES_CHANGED, f"{' '.join(before.roles)} -> {' '.join(after.roles)}"))
    if before.disabled != after.disabled:
        found.append((AuditAction.DISABLED if after.disabled else AuditAction.ENABLED, None))
    return found
