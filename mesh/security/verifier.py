"""Access tokens, verified offline: by the gateway on every request, by a worker where something changes."""

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
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
TYPE: Final = "at+jwt"  # RFC 9068: no other kind of token passes for an access token
ADMIN: Final = "ADMIN"
USER: Final = "USER"

LEEWAY: Final = 30
"""Seconds by which clocks may differ (RFC 7519, section 4.1.4)."""

_LONGEST_HEADER = 4096 + len("Bearer ")
_KEYS_GOOD_FOR = 600.0
_RETRY_AFTER = 1.0  # seconds, where the keys could not be had
_CACHED_TOKENS = 10_000
# What RFC 9068, section 2.2, requires, but for client_id: there are no OAuth clients. PyJWT demands none by itself.
_TEXTS = ("iss", "aud", "sub", "sid", "jti")
_TIMES = ("iat", "nbf", "exp")
_OPTIONS: Options = {"require": [*_TEXTS, *_TIMES, "roles"], "strict_aud": True}
# Base64url without anything between or behind, and a signature of 64 bytes whose last character has no spare bits set:
# a token has one spelling (RFC 7515, section 2; RFC 8725, section 3.4).
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{85}[AQgw]")


class KeySet(Protocol):
    """A JWK set (RFC 7517): each of `keys` is a public key whose fields are a JWK's, `kid` among them."""

    @property
    def keys(self) -> Iterable[BaseModel]:
        """The public keys."""


FetchKeys = Callable[[], Awaitable[KeySet]]
"""Asks whoever has the keys, for so long as it sees fit: it works for no request."""


class Verifier:
    """Verifies access tokens by public keys that are fetched once, and again when a token names an unknown one.

    Forged key ids cannot make it ask often: once in `token_keys_refetch_after` seconds, or in one second while it gets
    no answer. Keys that it knows it asks for again every ten minutes, beside the requests: without the service that has
    them it goes on. Held to RFC 8725, section 3, and RFC 9068, section 4.
    """

    def __init__(self, settings: TokenSettings, fetch_keys: FetchKeys, clock: Callable[[], float] = time.time) -> None:
        """`clock` tells Unix time: until when a verified token stays in the cache."""
        self._settings = settings
        self._fetch_keys = fetch_keys
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._failure: Exception | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._verified: TLRUCache[bytes, _Verified] = TLRUCache(_CACHED_TOKENS, _expires, clock)

    async def verify(self, authorization: str) -> Caller:
        """The caller whom the `Authorization` header proves.

        Raises Unauthenticated for anything but a valid token, and CallError where the keys cannot be had.
        """
        if len(authorization) > _LONGEST_HEADER:
            raise Unauthenticated("invalid_token", "the access token is too long")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or not token.isascii():
            raise Unauthenticated("invalid_token", "the Authorization header is not `Bearer <access token>`")
        digest = hashlib.sha256(token.encode()).digest()
        try:
            return self._verified[digest].caller  # `get` would read the clock twice
        except KeyError:
            verified = self._verified[digest] = await self._decode(token)
            return verified.caller

    async def _decode(self, token: str) -> "_Verified":
        parts = _COMPACT.fullmatch(token)
        header, claims = (_object(parts[1]), _object(parts[2])) if parts else (None, None)
        if header is None or claims is None:
            raise _malformed()
        kid = header.get("kid")
        # `crit` would name what must be understood (RFC 7515, section 4.1.11), and no extension is.
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
        if self._failure is not None:  # then nobody knows that the key is not one of ours
            raise self._failure.with_traceback(None)
        raise Unauthenticated("invalid_token", "the access token is signed by an unknown key")

    def _refetch(self, rest: float) -> asyncio.Task[None] | None:
        """The fetch under way, started here where the last began `rest` seconds ago; None where it is too early.

        It has a context of its own: the deadline or the end of the request that brings it on is no answer to others.
        """
        if self._fetching is None:
            age = time.monotonic() - self._asked_at
            if self._keys and age < (rest if self._failure is None else min(rest, _RETRY_AFTER)):
                return None
            self._asked_at = time.monotonic()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch(), context=Context())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            jwks = [key.model_dump() for key in (await self._fetch_keys()).keys]
            keys = {jwk["kid"]: key for jwk in jwks if (key := _readable(jwk)) is not None}
            self._keys = keys if keys or not jwks else self._keys
            unread = len(jwks) - len(keys)
            self._failure = BadReply(f"of {len(jwks)} keys {unread} cannot be read") if unread else None
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who have no key
            self._failure = error.with_traceback(None)  # which holds this frame, and so the error itself: a cycle
        finally:
            self._fetching = None


class _Verified(NamedTuple):
    """A token's caller, and the Unix time from which the token is no longer valid."""

    caller: Caller
    expires: float


def _expires(_digest: bytes, verified: _Verified, _now: float) -> float:
    return verified.expires


def _readable(jwk: dict[str, Any]) -> jwt.PyJWK | None:
    """The key, or None where it is none: one that is broken is no reason to do without the others."""
    try:
        return jwt.PyJWK(jwk, algorithm=ALGORITHM)
    except (jwt.PyJWTError, ValueError):
        return None


async def _within_the_deadline(fetching: asyncio.Task[None]) -> None:
    """Wait until it is over, or raise DeadlineExceeded where this request cannot wait so long."""
    try:
        async with asyncio.timeout(context.remaining()):
            await asyncio.shield(fetching)
    except TimeoutError:
        raise DeadlineExceeded.here("whoever has the keys") from None


def demand(access: Access, caller: Caller) -> None:
    """Raise Forbidden unless the caller's roles allow it; ADMIN includes USER."""
    allowed = access is Access.ANYONE or ADMIN in caller.roles or (access is Access.USER and USER in caller.roles)
    if not allowed:
        raise Forbidden("role_required", f"the role {access.upper()} is needed here")


def _object(segment: str) -> dict[str, Any] | None:
    """The JSON object of a token's segment; None for what is none, or can be read in two ways.

    Names are unique (RFC 7519, section 4), and numbers whole: ours are, and what is not may be infinite.
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
        raise ValueError("a name is there twice")
    return found


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"not a whole number: {text}")


def _caller(claims: dict[str, Any]) -> Caller:
    """Whom the claims speak for, if each is there with its type; PyJWT would let other types pass."""
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
