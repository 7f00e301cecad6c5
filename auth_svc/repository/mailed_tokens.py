"""The tokens that a user got by e-mail: a part of the user's document, so that using one is a single write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from auth_svc.repository.operation import operation
from auth_svc.repository.users import Account, as_account
from contracts.auth_mail import EmailVerificationRequested, PasswordResetRequested, TokenPurpose
from providers.mongo.database import Database, Document
from providers.mongo.operation import now
from providers.mongo.outbox import UNSENT
from subjects import EVENTS_AUTH_EMAIL_VERIFICATION_REQUESTED, EVENTS_AUTH_PASSWORD_RESET_REQUESTED
from worker.mongo import unsent_event

_MOST: Final = 30
"""Tokens of a user that are kept: more than the limits on requests allow within the lifetime of one."""
_JUST: Final = timedelta(minutes=1)


LIFETIME: Final[Mapping[TokenPurpose, timedelta]] = {
    TokenPurpose.PASSWORD_RESET: timedelta(minutes=30),
    TokenPurpose.EMAIL_VERIFICATION: timedelta(days=1),
}
"""How long a token is valid."""


class NewToken(NamedTuple):
    """A token as the database stores it."""

    token_id: str
    purpose: TokenPurpose
    digest: str
    requested_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """The account that a token belongs to."""

    account: Account
    token: Document
    """The token in the account's document."""

    @property
    def is_used(self) -> bool:
        """Whether the token was used within the last minute: the request is a repetition."""
        return "used_at" in self.token


class MailedTokens:
    """The field `mailed` of the collection `users`. A disabled account has no valid token."""

    def __init__(self, database: Database, wrote_event: Callable[[], None]) -> None:
        """`wrote_event` is called after a write with an event."""
        self._users = database["users"]
        self._wrote_event = wrote_event

    @operation()
    async def give(self, emails: Sequence[str], token: NewToken) -> None:
        """Give the token to the account with the first of the addresses that exists, and announce it.

        Nothing happens without such an account, if it has the token already, or if its address needs no verification.
        """
        unverified = {"unverified": True} if token.purpose is TokenPurpose.EMAIL_VERIFICATION else {}
        for email in emails:
            if (user := await self._users.find_one({"email": email, **_enabled(), **unverified}, {"_id": 1})) is None:
                continue
            change = {"mailed": {"$each": [_element(token)], "$slice": -_MOST}, UNSENT: _event(token, user["_id"])}
            await self._users.update_one({"_id": user["_id"], "mailed.id": {"$ne": token.token_id}}, {"$push": change})
            self._wrote_event()
            return

    @operation()
    async def find(self, token_id: str) -> tuple[str, datetime] | None:
        """The digest of the token with the id, and when it expires; None if it is not valid."""
        valid = {"id": token_id, **_valid()}
        user = await self._users.find_one({"mailed": {"$elemMatch": valid}, **_enabled()}, {"mailed.$": 1})
        return (user["mailed"][0]["digest"], user["mailed"][0]["expires_at"]) if user else None

    @operation()
    async def holder(self, digest: str, purpose: TokenPurpose) -> Holder | None:
        """The account that the token belongs to; None if the token is not valid, and was not used just now."""
        lately = {"$or": [{"used_at": None}, {"used_at": {"$gt": now() - _JUST}}]}
        valid = {"digest": digest, "purpose": purpose.value, "expires_at": {"$gt": now()}, **lately}
        user = await self._users.find_one({"mailed": {"$elemMatch": valid}, **_enabled()})
        if user is None:
            return None
        return Holder(as_account(user), next(one for one in user["mailed"] if one["digest"] == digest))

    @operation()
    async def reset_password(self, holder: Holder, password_hash: str, entries: Sequence[Document]) -> bool:
        """Store the hash of a new password, unless the token was used meanwhile. Every other token ends.

        Who gets the mail has the address: it counts as verified.
        """
        values = {"password_hash": password_hash, "mailed": [{**holder.token, "used_at": now()}]}
        change = {"$set": values, "$unset": {"unverified": ""}, "$push": {"outbox": {"$each": entries}}}
        # Not findAndModify: if that fails, MongoDB logs it with its values.
        return (await self._users.update_one(self._holding(holder), change)).matched_count == 1

    @operation()
    async def verify_email(self, holder: Holder) -> bool:
        """Record that the address is verified. Returns whether it was not."""
        unverified = {**self._holding(holder), "unverified": True}
        return (await self._users.update_one(unverified, {"$unset": {"unverified": ""}})).matched_count == 1

    def _holding(self, holder: Holder) -> Document:
        valid = {"id": holder.token["id"], **_valid()}
        return {"_id": holder.account.user.user_id, "mailed": {"$elemMatch": valid}, **_enabled()}


def unverified(user: Document, token: NewToken) -> Document:
    """The document of a new user who must verify the address with the token."""
    return {**user, "unverified": True, "mailed": [_element(token)], UNSENT: [_event(token, user["_id"])]}


def _element(token: NewToken) -> Document:
    """The token within the document of its user."""
    return {
        "id": token.token_id,
        "purpose": token.purpose.value,
        "digest": token.digest,
        "expires_at": token.expires_at,
    }


def _event(token: NewToken, user_id: str) -> Document:
    """The event that announces the token."""
    values = {"requested_at": token.requested_at, "expires_at": token.expires_at}
    if token.purpose is TokenPurpose.PASSWORD_RESET:
        reset = PasswordResetRequested(user_id=user_id, token_id=token.token_id, **values)
        return unsent_event(EVENTS_AUTH_PASSWORD_RESET_REQUESTED, reset, aggregate=user_id)
    verification = EmailVerificationRequested(user_id=user_id, token_id=token.token_id, **values)
    return unsent_event(EVENTS_AUTH_EMAIL_VERIFICATION_REQUESTED, verification, aggregate=user_id)


def _valid() -> Document:
    return {"used_at": None, "expires_at": {"$gt": now()}}


def _enabled() -> Document:
    return {"disabled": {"$ne": True}}
