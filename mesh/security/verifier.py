"""Verifies access tokens offline: the gateway for every request, a worker for every change."""

import asyncio
import base64
import contextvars
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple, NoReturn, Protocol

import jwt
from cachetools import TLRUCache
from jwt.types import Options
from pydantic import BaseModel

from mesh.core import context
from mesh.core.context import Caller
from mesh.core.endpoint import Access
from mesh.core.errors import BadReply, DeadlineExceeded, Forbidden, Unauthenticated
from mesh.security.settings import TokenSettings

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"  # RFC 9068: excludes every other kind of token
ADMIN: Final = "ADMIN"
USER: Final = "USER"

FETCH_TASK: Final = "fetch-token-keys"
"""The name of the task that fetches the keys."""
LEEWAY: Final = 30
"""Seconds by which clocks may differ (RFC 7519, section 4.1.4)."""

LONGEST_HEADER = 4096 + len("Bearer ")
_KEYS_GOOD_FOR = 600.0
_RETRY_AFTER = 1.0  # seconds, after a failed fetch
_CACHED_TOKENS = 10_000
# The claims of RFC 9068, section 2.2, without client_id: there are no OAuth clients. PyJWT requires none by default.
_TEXTS = ("iss", "aud", "sub", "sid", "jti")
_TIMES = ("iat", "nbf", "exp")
_OPTIONS: Options = {"require": [*_TEXTS, *_TIMES, "roles"], "strict_aud": True}
# Strict base64url, and a 64-byte signature whose last character has no spare bits set: each token has exactly one
# spelling (RFC 7515, section 2; RFC 8725, section 3.4).
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{85}[AQgw]")


class KeySet(Protocol):
    """A JWK set (RFC 7517). Each of `keys` has the fields of a JWK, including `kid`."""

    @property
    def keys(self) -> Iterable[BaseModel]:
        """The public keys."""


FetchKeys = Callable[[], Awaitable[KeySet]]
"""Fetches the keys. It sets its own timeout, since it runs outside of any request."""


class Verifier:
    """Verifies access tokens by public keys, as RFC 8725, section 3, and RFC 9068, section 4, require.

    It fetches the keys for the first token, and again for a token with an unknown key id. Forged key ids cause at most
    one fetch in `token_keys_refetch_after` seconds, or one per second after a failure. A background task refreshes
    known keys every ten minutes, so the verifier works while their source is away.
    """

    def __init__(
        self,
        settings: TokenSettings,
        fetch_keys: FetchKeys,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` returns Unix time; it decides when a verified token leaves the cache.

        `monotonic` returns seconds that only grow; they decide when the keys are fetched again.
        """
        self._settings = settings
        self._fetch_keys = fetch_keys
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._failure: Exception | None = None
        self._fetching: asyncio.Task[None] | None = None
        self.verifications = 0
        """Tokens that were not in the cache."""
        self._verified: TLRUCache[bytes, _Verified] = TLRUCache(_CACHED_TOKENS, _expires, clock)

    @property
    def cached_tokens(self) -> int:
        """The verified tokens that the cache holds."""
        return len(self._verified)

    async def verify(self, authorization: str) -> Caller:
        """The caller of the token in the `Authorization` header.

        Raises Unauthenticated for an invalid token, and CallError if the keys cannot be fetched.
        """
        if len(authorization) > LONGEST_HEADER:
            raise Unauthenticated("invalid_token", "the access token is too long")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or not token.isascii():
            raise Unauthenticated("invalid_token", "the Authorization header is not `Bearer <access token>`")
        digest = hashlib.sha256(token.encode()).digest()
        try:
            return self._verified[digest].caller  # `get` would read the clock twice
        except KeyError:
            self.verifications += 1
            verified = self._verified[digest] = await self._decode(token)
            return verified.caller

    async def _decode(self, token: str) -> "_Verified":
        parts = _COMPACT.fullmatch(token)
        header, claims = (_object(parts[1]), _object(parts[2])) if parts else (None, None)
        if header is None or claims is None:
            raise _malformed()
        kid = header.get("kid")
        # `crit` names extensions that must be understood (RFC 7515, section 4.1.11); none is supported.
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or not isinstance(kid, str) or "crit" in header:
            raise Unauthenticated("invalid_token", "not an access token of this mesh")
        caller = _caller(claims)
        key = await self._key(kid)
        try:
            jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._settings.token_issuer,
                audience=self._settings.token_audience,
                leeway=LEEWAY,
                options=_OPTIONS,
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("token_expired", "the access token has expired") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("invalid_token", "the access token is not valid") from error
        return _Verified(caller, claims["exp"] + LEEWAY)

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid in self._keys:
            self._refetch(_KEYS_GOOD_FOR)
            return self._keys[kid]
        if fetching := self._refetch(self._settings.token_keys_refetch_after):
            await _within_the_deadline(fetching)
        if kid in self._keys:
            return self._keys[kid]
        if self._failure is not None:  # the unknown key may be a valid one
            raise self._failure.with_traceback(None)
        raise Unauthenticated("invalid_token", "the access token is signed by an unknown key")

    def _refetch(self, rest: float) -> asyncio.Task[None] | None:
        """The running fetch, or a new one if the last started at least `rest` seconds ago; None if it is too early.

        The fetch has its own context: the deadline or the end of one request must not cancel it for others.
        """
        if self._fetching is None:
            age = self._monotonic() - self._asked_at
            if self._keys and age < (rest if self._failure is None else min(rest, _RETRY_AFTER)):
                return None
            self._asked_at = self._monotonic()
            self._fetching = asyncio.get_running_loop().create_task(
                self._fetch(), name=FETCH_TASK, context=contextvars.Context()
            )
        return self._fetching

    async def _fetch(self) -> None:
        try:
            jwks = [key.model_dump() for key in (await self._fetch_keys()).keys]
            keys = {jwk["kid"]: key for jwk in jwks if (key := _readable(jwk)) is not None}
            self._keys = keys if keys or not jwks else self._keys
            unread = len(jwks) - len(keys)
            self._failure = BadReply(f"{unread} of {len(jwks)} keys cannot be read") if unread else None
        except Exception as error:  # noqa: BLE001  # raised in each request that lacks a key
            self._failure = error.with_traceback(None)  # its traceback holds this frame: a cycle
        finally:
            self._fetching = None


class _Verified(NamedTuple):
    """A token's caller, and the Unix time from which the token is no longer valid."""

    caller: Caller
    expires: float


def _expires(_digest: bytes, verified: _Verified, _now: float) -> float:
    return verified.expires


def _readable(jwk: dict[str, Any]) -> jwt.PyJWK | None:
    """The key, or None if it is invalid: one invalid key must not disable the others."""
    try:
        return jwt.PyJWK(jwk, algorithm=ALGORITHM)
    except (jwt.PyJWTError, ValueError):
        return None


async def _within_the_deadline(fetching: asyncio.Task[None]) -> None:
    """Wait for the fetch, or raise DeadlineExceeded at the deadline of this request."""
    try:
        async with asyncio.timeout(context.remaining()):
            await asyncio.shield(fetching)
    except TimeoutError:
        raise DeadlineExceeded.here("the source of the keys") from None


def require_access(access: Access, caller: Caller) -> None:
    """Raise Forbidden unless the caller's roles allow `access`. ADMIN includes USER."""
    allowed = access is Access.ANYONE or ADMIN in caller.roles or (access is Access.USER and USER in caller.roles)
    if not allowed:
        raise Forbidden("role_required", f"the role {access.upper()} is required")


def _object(segment: str) -> dict[str, Any] | None:
    """The JSON object in a token's segment, or None if it is invalid or ambiguous.

    Names must be unique (RFC 7519, section 4). Numbers must be whole: a fraction may be infinite.
    """
    try:
        text = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        found = json.loads(text, object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a duplicate name")
    return found


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"not a whole number: {text}")


def _caller(claims: dict[str, Any]) -> Caller:
    """The caller in the claims. Checks each claim's type: PyJWT accepts others."""
    roles = claims.get("roles")
    if (
        not all(isinstance(claims.get(name), str) and claims[name] for name in _TEXTS)
        or not all(type(claims.get(name)) is int for name in _TIMES)
        or not isinstance(roles, list)
        or not all(isinstance(role, str) for role in roles)
    ):
        raise _malformed()
    return Caller(claims["sub"], claims["sid"], frozenset(roles))


def _malformed() -> Unauthenticated:
    return Unauthenticated("invalid_token", "the access token is malformed")
