"""What a change of an account entails, and a repeat of it finishes where the first did not come that far."""

from auth_svc.repository import Audit, Users
from auth_svc.revocation import Revocation
from contracts.auth import AuditAction


async def settle(user_id: str, users: Users, revocation: Revocation, audit: Audit, but: str | None = None) -> None:
    """End every session of the user's but one and log what was changed; nothing where nothing is in their outbox."""
    if entries := await users.outbox(user_id):
        await revocation.end_all(user_id, but)
        await audit.keep(entries)
        await users.clear_outbox(user_id, entries)


async def settle_new(user_id: str, users: Users, audit: Audit) -> None:
    """Log that the user was made, where it is in their outbox; what else is there, its own repeat finishes."""
    made = (AuditAction.REGISTERED, AuditAction.ADMIN_CREATED)
    if entries := [entry for entry in await users.outbox(user_id) if entry["action"] in made]:
        await audit.keep(entries)
        await users.clear_outbox(user_id, entries)
