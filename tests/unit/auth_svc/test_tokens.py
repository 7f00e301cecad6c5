import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.repository import Session
from auth_svc.settings import AuthSettings
from auth_svc.tokens import AccessTokens, Presented, RefreshTokens, read
from contracts.auth import Jwks, User
from mesh.core.context import Caller
from mesh.core.errors import Unauthenticated
from mesh.security.verifier import ALGORITHM, TYPE, Verifier

ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)
OPEN = Session("s1", "u1", seed=bytes(16), generation=0, rotated_at=ENDLESS, expires_at=ENDLESS)
ANNA = User(user_id="u1", email="anna@mesh.test", roles=("USER", "ADMIN"), created_at=datetime(2026, 1, 2, tzinfo=UTC))
CLAIMS = ["aud", "exp", "iat", "iss", "jti", "nbf", "roles", "sid", "sub"]


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.of(Ed25519PrivateKey.generate())


@pytest.fixture
def verifier(settings: AuthSettings, key: SigningKey) -> Verifier:
    async def public_keys() -> Jwks:
        return Jwks(keys=(KeyCipher(bytes(32)).seal(key).public,))

    return Verifier(settings, public_keys)


@pytest.fixture
def token(settings: AuthSettings, key: SigningKey) -> str:
    return AccessTokens(settings).sign(key, ANNA, OPEN)[0]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(key: SigningKey, claims: Mapping[str, Any], **headers: str) -> str:
    return jwt.encode(dict(claims), key.private, ALGORITHM, headers={"typ": TYPE, "kid": key.kid, **headers})


async def refused(verifier: Verifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await verifier.verify(f"Bearer {token}")
    return refusal.value.reason


async def test_a_signed_token_passes_the_meshs_verifier(verifier: Verifier, token: str) -> None:
    assert Caller("u1", "s1", frozenset({"USER", "ADMIN"})) == await verifier.verify(f"Bearer {token}")


def test_a_token_names_its_kind_its_key_and_its_times(settings: AuthSettings, key: SigningKey, token: str) -> None:
    assert {"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid} == jwt.get_unverified_header(token)
    claims = claims_of(token)
    assert CLAIMS == sorted(claims)
    assert (settings.token_issuer, settings.token_audience) == (claims["iss"], claims["aud"])
    assert (300, claims["iat"]) == (claims["exp"] - claims["iat"], claims["nbf"])


def test_every_token_has_an_id_of_its_own(settings: AuthSettings, key: SigningKey) -> None:
    tokens = AccessTokens(settings)
    one, other = (claims_of(tokens.sign(key, ANNA, OPEN)[0]) for _ in range(2))
    assert one["jti"] != other["jti"]


@pytest.mark.parametrize("left", [-1, 0, 7])
def test_a_token_ends_with_its_session(settings: AuthSettings, key: SigningKey, left: int) -> None:
    token, lifetime = AccessTokens(settings).sign(
        key, ANNA, replace(OPEN, expires_at=datetime.now(UTC) + timedelta(seconds=left))
    )
    claims = claims_of(token)
    assert max(0, left - 2) <= lifetime <= max(0, left)
    assert lifetime == claims["exp"] - claims["iat"]


async def test_a_token_of_another_key_under_our_key_id_is_refused(
    verifier: Verifier, key: SigningKey, token: str
) -> None:
    forger = SigningKey.of(Ed25519PrivateKey.generate())
    assert "invalid_token" == await refused(verifier, signed(forger, claims_of(token), kid=key.kid))


async def test_a_token_of_an_unknown_key_is_refused(verifier: Verifier, token: str) -> None:
    forger = SigningKey.of(Ed25519PrivateKey.generate())
    assert "invalid_token" == await refused(verifier, signed(forger, claims_of(token)))


async def test_an_expired_token_is_refused(verifier: Verifier, key: SigningKey, token: str) -> None:
    expired = claims_of(token) | {"exp": int(time.time()) - 31}
    assert "token_expired" == await refused(verifier, signed(key, expired))


@pytest.mark.parametrize("change", [{"aud": "elsewhere"}, {"iss": "elsewhere"}, {"roles": "ADMIN"}])
async def test_a_token_for_somebody_else_is_refused(
    verifier: Verifier, key: SigningKey, token: str, change: dict[str, str]
) -> None:
    assert "invalid_token" == await refused(verifier, signed(key, claims_of(token) | change))


@pytest.mark.parametrize("missing", CLAIMS)
async def test_a_token_without_one_of_its_claims_is_refused(
    verifier: Verifier, key: SigningKey, token: str, missing: str
) -> None:
    claims = claims_of(token)
    del claims[missing]
    assert "invalid_token" == await refused(verifier, signed(key, claims))


async def test_a_token_of_another_type_is_refused(verifier: Verifier, key: SigningKey, token: str) -> None:
    assert "invalid_token" == await refused(verifier, signed(key, claims_of(token), typ="JWT"))


async def test_a_token_without_a_signature_is_refused(verifier: Verifier, key: SigningKey, token: str) -> None:
    unsigned = jwt.encode(claims_of(token), "", "none", headers={"typ": TYPE, "kid": key.kid})
    assert "invalid_token" == await refused(verifier, unsigned)


NOW = datetime(2026, 1, 2, tzinfo=UTC)
SESSION = Session("0123456789abcdef" * 2, "u1", seed=bytes(16), generation=3, rotated_at=NOW, expires_at=NOW)
REFRESH_TOKENS = RefreshTokens(bytes(32))


def presented(token: str) -> Presented:
    found = read(token)
    assert found
    return found


def test_a_refresh_token_proves_its_session_and_its_generation() -> None:
    token = REFRESH_TOKENS.issue(SESSION)
    assert 70 == len(token)
    assert (SESSION.session_id, 3) == (presented(token).session_id, presented(token).generation)
    assert REFRESH_TOKENS.proves(presented(token), SESSION)
    assert token == REFRESH_TOKENS.issue(SESSION), "a lost answer can be given again"


def test_the_refresh_tokens_of_before_are_known_and_those_to_come_are_not() -> None:
    for generation, known in [(0, True), (2, True), (4, False)]:
        other = presented(REFRESH_TOKENS.issue(replace(SESSION, generation=generation)))
        assert known == REFRESH_TOKENS.proves(other, SESSION)


@pytest.mark.parametrize(
    "forger",
    [
        RefreshTokens(b"another secret of 32 bytes......").issue(SESSION),
        REFRESH_TOKENS.issue(replace(SESSION, seed=b"another seed...!")),
        "A" * 70,
    ],
)
def test_a_made_up_refresh_token_proves_nothing(forger: str) -> None:
    assert not REFRESH_TOKENS.proves(presented(forger), SESSION)


@pytest.mark.parametrize("text", ["x" * 43, "x" * 71, "nobody-was-ever-given-this-token"])
def test_what_is_no_refresh_token_is_told_at_once(text: str) -> None:
    assert read(text) is None


def test_a_session_and_what_is_presented_do_not_show_secrets() -> None:
    token = presented(REFRESH_TOKENS.issue(SESSION))
    assert "seed" not in repr(SESSION)
    assert "proof" not in repr(token)
