"""All of auth's queries on MongoDB, one module per collection."""

from auth_svc.repository.announcements import announce_existing
from auth_svc.repository.audit import Audit, audit_entry
from auth_svc.repository.indexes import ensure_indexes
from auth_svc.repository.mail_requests import MailRequest, MailRequests
from auth_svc.repository.mailed_tokens import LIFETIME, Holder, MailedTokens, NewToken, unverified
from auth_svc.repository.sessions import Session, Sessions
from auth_svc.repository.signing_keys import SealedKey, SigningKeys
from auth_svc.repository.throttles import Attempt, Limit, Throttles
from auth_svc.repository.user_filter import UserFilter
from auth_svc.repository.users import Account, Users, email_taken

__all__ = [
    "LIFETIME",
    "Account",
    "Attempt",
    "Audit",
    "Holder",
    "Limit",
    "MailRequest",
    "MailRequests",
    "MailedTokens",
    "NewToken",
    "SealedKey",
    "Session",
    "Sessions",
    "SigningKeys",
    "Throttles",
    "UserFilter",
    "Users",
    "announce_existing",
    "audit_entry",
    "email_taken",
    "ensure_indexes",
    "unverified",
]
