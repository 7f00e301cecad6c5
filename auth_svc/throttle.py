"""How fast passwords may be guessed, on an account and from an address."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

from auth_svc.repository import Attempt, Limit, Throttles
from auth_svc.settings import AuthSettings
from contracts.auth import AuthReason
from mesh.core import context
from mesh.core.errors import Fault, RateLimited

_IPV6_SITE = 64  # bits that a provider gives to one customer (RFC 6177)
_ADDRESS_DECAY = 60  # seconds until one attempt is forgotten: many who only mistype may share an address


class Throttle:
    """Counts attempts before they cost anything, whether or not there is such an account (OWASP ASVS 5, V6.3.1).

    The pauses are bounded, and what was in vain is forgotten one by one, so that nobody is locked out for good by
    somebody else (NIST SP 800-63B-4, section 3.2.2): of an account one attempt each longest pause, which is how fast a
    patient guesser gets on anyway, of an address one each minute.
    """

    def __init__(self, settings: AuthSettings, throttles: Throttles) -> None:
        self._throttles = throttles
        self.account_attempts = settings.auth_login_attempts
        """How many passwords may be tried on an account at once."""
        self._address_attempts = settings.auth_address_attempts
        self._longest = settings.auth_longest_pause

    @asynccontextmanager
    async def attempt(self, email: str) -> AsyncIterator[int]:
        """Try a password within it: an attempt on the account, and one from the current request's address.

        Says how many seconds the next one will have to wait. Counts if the block raises; but after RateLimited nothing
        was tried. A success takes back itself alone: were the failures before it forgotten too, a guesser would see
        when the owner was there, and get as many more guesses. Raises RateLimited.
        """
        async with self._counted(*self._of_address(), self._of_account(email)) as pause:
            try:
                yield pause
            except Fault as fault:
                fault.attempts = self.account_attempts
                raise

    @asynccontextmanager
    async def registration(self) -> AsyncIterator[None]:
        """Register somebody within it: an attempt from the address, successful or not. Raises RateLimited."""
        async with self._counted(*self._of_address(), successes=True):
            yield

    def _of_account(self, email: str) -> Limit:
        return Limit(_account(email), self.account_attempts, self._longest)

    def _of_address(self) -> list[Limit]:
        """None where the address is not known."""
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
            why = f"too many attempts: wait for {wait} s"
            raise RateLimited(AuthReason.TOO_MANY_LOGINS, why, wait, attempts=limit.free)
        return attempt


def _account(email: str) -> str:
    return f"account:{hashlib.sha256(email.encode(errors='surrogatepass')).hexdigest()}"


def _address() -> str | None:
    """The client's address; of IPv6 the part that a provider gives to one customer."""
    current = context.current()
    if current is None or current.client_address is None:
        return None
    address = ip_address(current.client_address)
    prefix = _IPV6_SITE if address.version == 6 else address.max_prefixlen  # noqa: PLR2004  # IPv6
    return f"address:{ip_network((address, prefix), strict=False)}"
