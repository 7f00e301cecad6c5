"""Handles requests for mails after they are answered, so that no answer depends on whether an account exists."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from auth_svc.mail.issuer import TokenIssuer
from auth_svc.repository import MailedTokens, MailRequests
from contracts.auth_mail import TokenPurpose

log = structlog.get_logger()

_POLL: Final = 5.0
"""Seconds between two looks without a wake-up: they find what a dead process left."""


class Mailing:
    """Stores requests, and gives those who have an account a token. Notifications sends the mail.

    A request is removed once its account has the token. A process that takes over gives the same token again, which
    changes nothing.
    """

    def __init__(
        self, requests: MailRequests, tokens: MailedTokens, issuer: TokenIssuer, *, poll: float = _POLL
    ) -> None:
        """`poll`: seconds between two looks without a wake-up."""
        self._requests = requests
        self._tokens = tokens
        self._issuer = issuer
        self._poll = poll
        self._woken = asyncio.Event()

    async def request(self, purpose: TokenPurpose, emails: Sequence[str]) -> None:
        """Store a request for a mail to the account that has one of these forms of an address."""
        await self._requests.add(purpose, emails)
        self._woken.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Handle requests within the context."""
        task = asyncio.create_task(self._run(), name="mail-requests")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                while await self._handle_one():
                    pass
            except Exception as error:  # noqa: BLE001  # an outage; the requests stay in the database
                log.warning("mail_requests_not_handled", error=str(error), type=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._woken.wait()

    async def _handle_one(self) -> bool:
        """Handle the oldest request. Returns False if there is none."""
        request = await self._requests.claim()
        if request is None:
            return False
        token = self._issuer.new(request.purpose, request.token_id, request.requested_at)
        await self._tokens.give(request.emails, token)
        await self._requests.remove(request)
        return True
