"""Finishes what a change of an account entails; a repeated call finishes what the first one did not."""

from auth_svc.repository import Audit, Users
from auth_svc.revocation import Revocation
from contracts.auth import AuditAction


async def settle(user_id: str, users: Users, revocation: Revocation, audit: Audit, but: str | None = None) -> None:
    """End every session of the user except `but`, and log the change. Does nothing if the user's outbox is empty."""
    if entries := await users.outbox(user_id):
        await revocation.end_all(user_id, but)
        await audit.keep(entries)
        await users.clear_outbox(user_id, entries)


async def settle_new(user_id: str, users: Users, audit: Audit) -> None:
    """Log the creation of the user if it is in the outbox. Other entries are left to their own call."""
    made = (AuditAction.REGISTERED, AuditAction.ADMIN_CREATED)
    if entries := [entry for entry in await users.outbox(user_id) if entry["action"] in made]:
        await audit.keep(entries)
        await users.clear_outbox(user_id, entries)
