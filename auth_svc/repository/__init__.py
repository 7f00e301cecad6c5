"""All of auth's queries on MongoDB, one module per collection."""

from auth_svc.repository.announcements import announce_existing
from auth_svc.repository.audit import Audit, audit_entry
from auth_svc.repository.indexes import ensure_indexes
from auth_svc.repository.sessions import Session, Sessions
from auth_svc.repository.signing_keys import SealedKey, SigningKeys
from auth_svc.repository.throttles import Attempt, Limit, Throttles
from auth_svc.repository.users import Account, Users, email_taken

__all__ = [
    "Account",
    "Attempt",
    "Audit",
    "Limit",
    "SealedKey",
    "Session",
    "Sessions",
    "SigningKeys",
    "Throttles",
    "Users",
    "announce_existing",
    "audit_entry",
    "email_taken",
    "ensure_indexes",
]
