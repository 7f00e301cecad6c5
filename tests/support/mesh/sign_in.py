"""A stand-in for the auth service: it has a key of its own, hands out the public half, and signs tokens."""

import base64
import time
import uuid
from asyncio import get_running_loop

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.auth import GetJwks, Jwk, Jwks
from mesh.core.context import Caller, Context
from mesh.security.settings import TokenSettings
from mesh.security.verifier import ALGORITHM, TYPE
from mesh.service.service import Service
from mesh.transport.base import Transport
from subjects import AUTH_JWKS


class SignIn:
    """`asked` counts how often the keys were asked for."""

    def __init__(self, transport: Transport) -> None:
        self.asked = 0
        self._key = Ed25519PrivateKey.generate()
        self.service = Service("auth", transport, version="1.0.0", description="A stand-in", verify=_nobody)
        self.service.add(AUTH_JWKS, self._jwks)

    async def _jwks(self, _: GetJwks) -> Jwks:
        self.asked += 1
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return Jwks(keys=(Jwk(kid="k1", x=x),))

    def asking_as(self, *roles: str, user_id: str = "u1") -> Context:
        """A request of the user, who has these roles."""
        now = int(time.time())
        settings = TokenSettings()
        claims = {
            "iss": settings.token_issuer,
            "aud": settings.token_audience,
            "sub": user_id,
            "sid": "s1",
            "jti": "t1",
            "roles": roles,
            "iat": now,
            "nbf": now,
            "exp": now + 60,
        }
        token = jwt.encode(claims, self._key, ALGORITHM, {"kid": "k1", "typ": TYPE})
        return Context(uuid.uuid4().hex, get_running_loop().time() + 5, authorization=f"Bearer {token}")


async def _nobody(_: str) -> Caller:
    raise AssertionError("nothing here asks who the caller is")
