"""Limits password guesses, per account and per address."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

from auth_svc.repository import Attempt, Limit, Throttles
from auth_svc.settings import AuthSettings
from contracts.auth import AuthReason
from mesh.core import context
from mesh.core.errors import Fault, RateLimited

_IPV6_SITE = 64  # prefix length of one customer (RFC 6177)
_ADDRESS_DECAY = 60  # seconds until one attempt is forgotten: many people may share an address

MAILS = 3
"""Mails to one address without a pause, for each purpose."""
_MAIL_DECAY = 600  # seconds until one mail is forgotten


class Throttle:
    """Counts attempts before they cost anything, whether or not the account exists (OWASP ASVS 5, V6.3.1).

    Pauses are bounded and failures are forgotten one by one, so that nobody can lock out another user for good (NIST SP
    800-63B-4, section 3.2.2). An account always allows one attempt per longest pause, which is also the rate of a
    patient attacker; an address allows one per minute.
    """

    def __init__(self, settings: AuthSettings, throttles: Throttles) -> None:
        self._throttles = throttles
        self.account_attempts = settings.auth_login_attempts
        """Attempts allowed at once on an account."""
        self._address_attempts = settings.auth_address_attempts
        self._longest = settings.auth_longest_pause

    @asynccontextmanager
    async def attempt(self, email: str) -> AsyncIterator[int]:
        """Run the block as an attempt on the account and from the current request's address.

        Yields the seconds that the next attempt must wait. A failure, that is an exception other than RateLimited,
        counts. A success takes back only itself: if it also cleared earlier failures, an attacker would notice the
        owner's logins, and get new guesses from them. Raises RateLimited.
        """
        async with self._counted(*self._of_address(), self._of_account(email)) as pause:
            try:
                yield pause
            except Fault as fault:
                fault.attempts = self.account_attempts
                raise

    @asynccontextmanager
    async def registration(self) -> AsyncIterator[None]:
        """Run the block as a registration, which counts for the address even if it succeeds. Raises RateLimited."""
        async with self._counted(*self._of_address(), successes=True):
            yield

    @asynccontextmanager
    async def mail(self, purpose: str, email: str) -> AsyncIterator[None]:
        """Run the block as a request for a mail to this address, whether or not it has an account. Raises RateLimited.

        Each counts, so that nobody's mailbox is flooded.
        """
        limit = Limit(f"mail:{purpose}:{_account(email)}", MAILS, _MAIL_DECAY)
        async with self._counted(*self._of_address(), limit, successes=True):
            yield

    @asynccontextmanager
    async def mailed_token(self) -> AsyncIterator[None]:
        """Run the block as an attempt to use a token. A failure counts for the address. Raises RateLimited."""
        async with self._counted(*self._of_address()):
            yield

    def _of_account(self, email: str) -> Limit:
        return Limit(_account(email), self.account_attempts, self._longest)

    def _of_address(self) -> list[Limit]:
        """Empty if the address is not known."""
        address = _address()
        return [Limit(address, self._address_attempts, min(_ADDRESS_DECAY, self._longest))] if address else []

    @asynccontextmanager
    async def _counted(self, *limits: Limit, successes: bool = False) -> AsyncIterator[int]:
        permitted: list[Attempt] = []
        try:
            for limit in limits:
                permitted.append(await self._permitted(limit))  # noqa: PERF401  # those before a refusal are taken back
            yield max((attempt.pause for attempt in permitted), default=0)
        except RateLimited:
            await self._throttles.take_back(permitted)
            raise
        if not successes:
            await self._throttles.take_back(permitted)

    async def _permitted(self, limit: Limit) -> Attempt:
        attempt = await self._throttles.attempt(limit, longest=self._longest)
        if wait := attempt.wait:
            why = f"too many attempts: wait {wait} s"
            raise RateLimited(AuthReason.TOO_MANY_LOGINS, why, wait, attempts=limit.free)
        return attempt


def _account(email: str) -> str:
    return f"account:{hashlib.sha256(email.encode(errors='surrogatepass')).hexdigest()}"


def _address() -> str | None:
    """The client's address; for IPv6 the prefix that one customer has."""
    current = context.current()
    if current is None or current.client_address is None:
        return None
    address = ip_address(current.client_address)
    prefix = _IPV6_SITE if address.version == 6 else address.max_prefixlen  # noqa: PLR2004  # IPv6
    return f"address:{ip_network((address, prefix), strict=False)}"
