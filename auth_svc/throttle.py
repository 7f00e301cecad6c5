"""How fast passwords may be guessed, on an account and from an address."""

import hashlib
from ipaddress import ip_address, ip_network

from auth_svc.repository import Throttles
from auth_svc.settings import AuthSettings
from contracts.auth import AuthReason
from mesh import context
from mesh.errors import RateLimited

_IPV6_SITE = 64  # bits that a provider gives to one customer (RFC 6177)


class Throttle:
    """Counts attempts before they cost anything, whether or not there is such an account (OWASP ASVS 5, V6.3.1).

    The pauses are bounded, so that nobody is locked out for good by somebody else (NIST SP 800-63B-4, section 3.2.2).
    """

    def __init__(self, settings: AuthSettings, throttles: Throttles) -> None:
        self._throttles = throttles
        self._account_attempts = settings.auth_login_attempts
        self._address_attempts = settings.auth_address_attempts
        self._longest = settings.auth_longest_pause

    async def attempt(self, email: str | None) -> int:
        """Count an attempt on the account, and one from the current request's address. Raises RateLimited.

        Says how many seconds the next one will have to wait.
        """
        pause = 0
        if (address := _address()) is not None:
            pause = await self._count(address, self._address_attempts)
        if email is None:
            return pause
        try:
            return max(pause, await self._count(_account(email), self._account_attempts))
        except RateLimited:
            if address is not None:  # nothing was tried, and the others who share the address shall not pay for it
                await self._throttles.take_back(address)
            raise

    async def succeeded(self, email: str | None) -> None:
        """It was none in vain."""
        if (address := _address()) is not None:
            await self._throttles.take_back(address)
        if email is not None:
            await self._throttles.forget(_account(email))

    async def _count(self, key: str, free: int) -> int:
        attempt = await self._throttles.attempt(key, free=free, longest=self._longest)
        if wait := attempt.wait:
            raise RateLimited(AuthReason.TOO_MANY_LOGINS, f"too many attempts: wait for {wait} s", wait)
        return attempt.pause


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
