"""Access tokens that nobody signed, or that were signed for something else: each must be refused."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import SigningKey

Claims = dict[str, Any]


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _mac(secret: bytes, digest: str, data: bytes) -> bytes:
    return hmac.digest(secret, data, digest)


class Forger:
    """Makes tokens by the real key and by others."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def claims(self, **changes: object) -> Claims:
        now = int(time.time())
        made: Claims = {"iss": "northwind-mesh", "aud": "northwind-mesh", "sub": "0" * 32, "sid": "s", "jti": "j"}
        made |= {"roles": ["ADMIN"], "iat": now, "nbf": now, "exp": now + 60, **changes}
        return {name: value for name, value in made.items() if value is not ...}

    def genuine(self) -> str:
        return self.raw()

    def raw(
        self,
        head: str | None = None,
        body: str | None = None,
        sign: Callable[[bytes], bytes] | None = None,
        **header: object,
    ) -> str:
        """A token of these very texts, signed by the real key unless told otherwise."""
        fields = {"alg": "EdDSA", "typ": "at+jwt", "kid": self._key.kid, **header}
        first = head or json.dumps({name: value for name, value in fields.items() if value is not ...})
        signed = f"{encoded(first.encode())}.{encoded((body or json.dumps(self.claims())).encode())}"
        return f"{signed}.{encoded((sign or self._key.private.sign)(signed.encode()))}"

    def tokens(self) -> Iterator[tuple[str, str]]:
        """Each forgery with what is wrong with it."""
        yield from self._algorithms()
        yield from self._heads()
        yield from self._claims()
        yield from self._times()
        yield from self._texts()
        yield from self._spellings()

    def _algorithms(self) -> Iterator[tuple[str, str]]:
        public = self._key.private.public_key().public_bytes_raw()
        secrets = {"x": self._key.x.encode(), "raw": public, "kid": self._key.kid.encode(), "empty": b""}
        for name in ("none", "None", "NONE", "nOnE", ""):
            yield f"alg {name!r}, no signature", self.raw(alg=name, sign=lambda _: b"")
            yield f"alg {name!r}, real signature", self.raw(alg=name)
        for name, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
            for which, secret in secrets.items():
                yield f"{name} with the public key ({which})", self.raw(alg=name, sign=partial(_mac, secret, digest))
        for name in ("RS256", "ES256", "PS256", "Ed448", "eddsa", "Ed25519"):
            yield f"alg {name}", self.raw(alg=name)
        for missing in (..., None, 7, ["EdDSA"]):
            yield f"alg {missing!r}", self.raw(alg=missing)

    def _heads(self) -> Iterator[tuple[str, str]]:
        other = Ed25519PrivateKey.generate()
        yield "another key under our kid", self.raw(sign=other.sign)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(other.public_key().public_bytes_raw())}
        yield "a key in the head", self.raw(jwk=jwk, sign=other.sign)
        yield "a key elsewhere", self.raw(jku="http://127.0.0.1:1/jwks.json", kid="theirs", sign=other.sign)
        yield "a certificate elsewhere", self.raw(x5u="http://127.0.0.1:1/c.pem", kid="theirs", sign=other.sign)
        for kid in (..., None, 7, "", "unknown", "../../etc/passwd", "' OR 1=1 --", "k" * 500, [self._key.kid]):
            yield f"kid {kid!r:.40}", self.raw(kid=kid)
        for kind in (..., None, "JWT", "jwt", "at+JWT ", "application/at+jwt", "rt+jwt", 7):
            yield f"typ {kind!r}", self.raw(typ=kind)
        yield "a critical extension", self.raw(crit=["exp"])
        yield "an unencoded payload", self.raw(b64=False, crit=["b64"])

    def _claims(self) -> Iterator[tuple[str, str]]:
        for name in ("iss", "aud", "sub", "sid", "jti", "roles", "iat", "nbf", "exp"):
            yield f"no {name}", self.raw(body=json.dumps(self.claims(**{name: ...})))
            yield f"{name} null", self.raw(body=json.dumps(self.claims(**{name: None})))
            yield f"{name} an object", self.raw(body=json.dumps(self.claims(**{name: {"a": 1}})))
        for name in ("iss", "aud"):
            for value in ("else", "northwind-mesh/", "NORTHWIND-MESH", "", ["northwind-mesh", "else"]):
                yield f"{name} {value!r}", self.raw(body=json.dumps(self.claims(**{name: value})))
        for roles in ("ADMIN", [["ADMIN"]], [7], {"ADMIN": True}, True):
            yield f"roles {roles!r}", self.raw(body=json.dumps(self.claims(roles=roles)))

    def _times(self) -> Iterator[tuple[str, str]]:
        now = int(time.time())
        for name, value in (
            ("exp", now - 31),
            ("exp", 0),
            ("exp", -1),
            ("nbf", now + 3600),
            ("iat", now + 3600),
            ("exp", "soon"),
            ("exp", str(now + 60)),
            ("exp", True),
            ("exp", now + 60.5),
            ("iat", "now"),
        ):
            yield f"{name} {value!r}", self.raw(body=json.dumps(self.claims(**{name: value})))
        for text in ("1e400", "NaN", "Infinity", "-Infinity", "1e10"):
            body = json.dumps(self.claims(exp=0)).replace('"exp": 0', f'"exp": {text}')
            yield f"exp {text}", self.raw(body=body)

    def _texts(self) -> Iterator[tuple[str, str]]:
        good = json.dumps(self.claims(roles=["USER"]))
        yield "a claim twice", self.raw(body=good[:-1] + ', "roles": ["ADMIN"]}')
        yield "an expiry twice", self.raw(body=f'{{"exp": 1, {good[1:]}')
        head = json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": self._key.kid})
        yield "an algorithm twice", self.raw(head='{"alg": "none", ' + head[1:])
        for body in ("[]", "null", '"text"', "7", "{", "", "[" * 2500, '{"a":' * 500, "\x00"):
            yield f"claims {body:.10}", self.raw(body=body or " ")
            yield f"head {body:.10}", self.raw(head=body or " ")

    def _spellings(self) -> Iterator[tuple[str, str]]:
        head, body, signature = self.genuine().split(".")
        other = jwt.encode(self.claims(roles=["USER"], jti="other"), self._key.private, "EdDSA").split(".")
        yield "swapped claims", f"{head}.{other[1]}.{signature}"
        yield "swapped head", f"{other[0]}.{body}.{signature}"
        yield "swapped signature", f"{head}.{body}.{other[2]}"
        yield "parts in another order", f"{body}.{head}.{signature}"
        yield "no signature", f"{head}.{body}"
        yield "an empty signature", f"{head}.{body}."
        yield "half a signature", f"{head}.{body}.{signature[:43]}"
        yield "a longer signature", f"{head}.{body}.{signature}AAAA"
        yield "padding", f"{head}.{body}.{signature}=="
        yield "spare bits", f"{head}.{body}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}"
        yield "a character between", f"{head}.{body}.{signature[:10]}!{signature[10:]}"
        yield "five parts, as if encrypted", f"{head}.{body}.{signature}.{body}.{signature}"
        yield "no head", f".{body}.{signature}"
        yield "no claims", f"{head}..{signature}"
        yield "dots", "..."
        yield "too long", self.raw(body=json.dumps(self.claims(more="x" * 5000)))
