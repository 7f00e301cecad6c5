"""The collection `mail_requests`: addresses that somebody wants a token for, whether or not they have an account."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from auth_svc.repository.operation import operation
from contracts.auth_mail import TokenPurpose
from providers.mongo.database import Database
from providers.mongo.operation import now

KEPT: Final = 1800
"""Seconds after which MongoDB deletes a request: its token would have expired."""
_CLAIMED: Final = timedelta(seconds=60)
"""Longer than a request takes. After it another process takes over."""


class MailRequest(NamedTuple):
    """A request that this process has claimed."""

    token_id: str
    """The id of the token to give, so that a repetition gives the same one."""
    purpose: TokenPurpose
    emails: Sequence[str]
    """The forms in which the address may be stored."""
    requested_at: datetime


class MailRequests:
    """The collection `mail_requests`. MongoDB deletes a request after 30 minutes."""

    def __init__(self, database: Database) -> None:
        self._requests = database["mail_requests"]

    @operation()
    async def add(self, purpose: TokenPurpose, emails: Sequence[str]) -> None:
        """Store a request."""
        at = now()
        request = {"_id": uuid.uuid4().hex, "purpose": purpose.value, "emails": [*emails], "at": at, "due_at": at}
        await self._requests.insert_one(request)

    @operation()
    async def claim(self) -> MailRequest | None:
        """Claim the oldest request; None if there is none. No other process gets it for 60 s."""
        at = now()
        found = await self._requests.find_one_and_update(
            {"due_at": {"$lte": at}}, {"$set": {"due_at": at + _CLAIMED}}, sort=[("due_at", 1)]
        )
        return (
            MailRequest(found["_id"], TokenPurpose(found["purpose"]), found["emails"], found["at"]) if found else None
        )

    @operation()
    async def remove(self, request: MailRequest) -> None:
        """Remove the request: it is done."""
        await self._requests.delete_one({"_id": request.token_id})
