"""Access tokens, verified offline: by the gateway on every request, by a worker where something changes."""

import hashlib
import time
from asyncio import Lock
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol

import jwt
from jwt.types import Options
from pydantic import BaseModel

from mesh.context import Caller
from mesh.endpoint import Access
from mesh.errors import Forbidden, Unauthenticated
from mesh.settings import TokenSettings

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"  # RFC 9068: no other kind of token passes for an access token
ADMIN: Final = "ADMIN"
USER: Final = "USER"

_LONGEST_HEADER = 4096 + len("Bearer ")
_LEEWAY = 30
_REFETCH_AFTER = 60.0
_CACHED_TOKENS = 10_000
_OPTIONS: Options = {"require": ["iss", "aud", "sub", "sid", "jti", "roles", "iat", "nbf", "exp"]}


class KeySet(Protocol):
    """A JWK set (RFC 7517): each of `keys` is a public key whose fields are a JWK's, `kid` among them."""

    @property
    def keys(self) -> Iterable[BaseModel]:
        """The public keys."""


FetchKeys = Callable[[], Awaitable[KeySet]]


class Verifier:
    """Verifies access tokens by public keys that are fetched once, and again when a token names an unknown one.

    Forged key ids cannot make it ask often: at most once a minute. Without the service that has the keys it goes on
    with those that it knows.
    """

    def __init__(self, settings: TokenSettings, fetch_keys: FetchKeys) -> None:
        self._settings = settings
        self._fetch_keys = fetch_keys
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._fetching = Lock()
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

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
        known = self._known.get(digest)
        if known is not None and time.time() < known[1]:
            return known[0]
        caller, expires = await self._decode(token)
        self._known[digest] = (caller, expires)
        if len(self._known) > _CACHED_TOKENS:
            self._known.popitem(last=False)
        return caller

    async def _decode(self, token: str) -> tuple[Caller, float]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise Unauthenticated("invalid_token", "the access token is malformed") from error
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or not isinstance(header.get("kid"), str):
            raise Unauthenticated("invalid_token", "not an access token of this mesh")
        key = await self._key(header["kid"])
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._settings.token_issuer,
                audience=self._settings.token_audience,
                leeway=_LEEWAY,
                options=_OPTIONS,
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("token_expired", "the access token has expired") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("invalid_token", "the access token is not valid") from error
        return _caller(claims), claims["exp"] + _LEEWAY

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys:
            await self._refetch(kid)
        try:
            return self._keys[kid]
        except KeyError:
            raise Unauthenticated("invalid_token", "the access token is signed by an unknown key") from None

    async def _refetch(self, kid: str) -> None:
        async with self._fetching:
            if kid in self._keys or (self._keys and time.monotonic() < self._asked_at + _REFETCH_AFTER):
                return
            self._asked_at = time.monotonic()
            jwks = [key.model_dump() for key in (await self._fetch_keys()).keys]
            self._keys = {jwk["kid"]: jwt.PyJWK(jwk, algorithm=ALGORITHM) for jwk in jwks}


def demand(access: Access, caller: Caller) -> None:
    """Raise Forbidden unless the caller's roles allow it; ADMIN includes USER."""
    allowed = access is Access.ANYONE or ADMIN in caller.roles or (access is Access.USER and USER in caller.roles)
    if not allowed:
        raise Forbidden("role_required", f"the role {access.upper()} is needed here")


def _caller(claims: dict[str, Any]) -> Caller:
    roles = claims["roles"]
    if not isinstance(claims["sid"], str) or not isinstance(roles, list) or not all(isinstance(r, str) for r in roles):
        raise Unauthenticated("invalid_token", "the access token's claims have other types")
    return Caller(claims["sub"], claims["sid"], frozenset(roles))
