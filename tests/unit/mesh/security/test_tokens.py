import asyncio
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from contracts.auth import Jwk, Jwks
from mesh.core import context
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import BadReply, DeadlineExceeded, NoResponder, Unauthenticated
from mesh.security.settings import TokenSettings
from mesh.security.verifier import FETCH_TASK, LEEWAY, Verifier
from tests.support.clock import Clock, task_named


class Keys:
    """What the auth service would publish, and how often it was asked."""

    def __init__(self) -> None:
        self.private = {"k1": Ed25519PrivateKey.generate()}
        self.asked = 0
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def fetch(self) -> Jwks:
        self.asked += 1
        assert context.current() is None, "keys are fetched for no request in particular"
        await self.answers.wait()
        if self.away:
            raise NoResponder("no worker serves auth.jwks")
        public = {kid: OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) for kid, key in self.private.items()}
        return Jwks(keys=tuple(Jwk(kid=kid, x=key["x"]) for kid, key in public.items()))

    def sign(self, kid: str = "k1", headers: dict[str, Any] | None = None, without: str = "", **claims: object) -> str:
        now = int(time.time())
        body = {
            "iss": "northwind-mesh",
            "aud": "northwind-mesh",
            "sub": "u1",
            "sid": "s1",
            "jti": "j1",
            "roles": ["USER"],
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            **claims,
        }
        body = {name: value for name, value in body.items() if name != without}
        key = self.private.get(kid) or Ed25519PrivateKey.generate()
        return "Bearer " + jwt.encode(body, key, "EdDSA", {"kid": kid, "typ": "at+jwt", **(headers or {})})


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(keys: Keys, clock: Clock) -> Verifier:
    return Verifier(TokenSettings(), keys.fetch, monotonic=clock)


async def test_a_valid_token_proves_its_caller(keys: Keys, verifier: Verifier) -> None:
    assert Caller("u1", "s1", frozenset({"USER"})) == await verifier.verify(keys.sign())
    assert Caller("u1", "s1", frozenset({"USER"})) == await verifier.verify(keys.sign().replace("Bearer", "bearer"))
    assert 1 == keys.asked


def _forged(keys: Keys) -> dict[str, str]:
    now = int(time.time())
    good = keys.sign()
    head, body, signature = good.removeprefix("Bearer ").split(".")
    other = keys.sign(sub="u2").removeprefix("Bearer ").split(".")
    public = keys.private["k1"].public_key().public_bytes_raw()
    hs256 = jwt.encode({"sub": "u1"}, public, "HS256", {"kid": "k1", "typ": "at+jwt"})
    unsigned = jwt.encode({"sub": "u1"}, None, "none", {"kid": "k1", "typ": "at+jwt"})  # type: ignore[arg-type]
    tokens = {
        "nothing": "",
        "no scheme": good.removeprefix("Bearer "),
        "another scheme": good.replace("Bearer", "Basic"),
        "garbage": "Bearer garbage",
        "not ascii": "Bearer é.ü.ß",
        "a lone surrogate": "Bearer \udc80.a.b",
        "four parts": good + ".x",
        "too long": "Bearer " + "a" * 5000,
        "a swapped body": f"Bearer {head}.{other[1]}.{signature}",
        "a swapped signature": f"Bearer {head}.{body}.{other[2]}",
        "no signature": f"Bearer {head}.{body}.",
        "HS256 with the public key": f"Bearer {hs256}",
        "none": f"Bearer {unsigned}",
        "another type": keys.sign(headers={"typ": "JWT"}),
        "expired": keys.sign(exp=now - 31),
        "not yet valid": keys.sign(nbf=now + 60),
        "another issuer": keys.sign(iss="else"),
        "another audience": keys.sign(aud="else"),
        "roles of another type": keys.sign(roles="ADMIN"),
        "roles within roles": keys.sign(roles=[["ADMIN"]]),
        "a session that is no text": keys.sign(sid=7),
        "a subject that is no text": keys.sign(sub=7),
        "an expiry that is no number": keys.sign(exp="soon"),
        "an unknown key": keys.sign(kid="k9"),
    }
    for claim in ("iss", "aud", "sub", "sid", "jti", "roles", "iat", "nbf", "exp"):
        tokens[f"no {claim}"] = keys.sign(without=claim)
    return tokens


@pytest.mark.parametrize("what", sorted(_forged(Keys())))
async def test_anything_but_a_valid_token_is_refused(keys: Keys, verifier: Verifier, what: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(_forged(keys)[what])


async def test_an_unknown_key_is_looked_up_at_most_once_a_minute(keys: Keys, verifier: Verifier) -> None:
    await verifier.verify(keys.sign())
    for n in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(keys.sign(kid=f"forged{n}"))
    assert 1 == keys.asked


async def test_after_a_failure_an_unknown_key_is_looked_up_again_soon(
    keys: Keys, verifier: Verifier, clock: Clock
) -> None:
    await verifier.verify(keys.sign())
    keys.private["k2"] = Ed25519PrivateKey.generate()
    keys.away = True
    clock.now += 60
    with pytest.raises(NoResponder):
        await verifier.verify(keys.sign(kid="k2"))
    keys.away = False
    with pytest.raises(NoResponder):
        await verifier.verify(keys.sign(kid="k2"))
    assert 2 == keys.asked
    clock.now += 1
    assert "u1" == (await verifier.verify(keys.sign(kid="k2"))).user_id
    clock.now += 1
    with pytest.raises(Unauthenticated):
        await verifier.verify(keys.sign(kid="k3"))
    assert 3 == keys.asked


async def unanswered(keys: Keys, times: int) -> None:
    """Wait until the keys were asked for so often."""
    keys.answers.clear()
    while keys.asked < times:
        await asyncio.sleep(0)


async def test_a_request_that_is_cancelled_takes_no_fetch_along(keys: Keys, verifier: Verifier, clock: Clock) -> None:
    await verifier.verify(keys.sign())
    keys.private["k2"] = Ed25519PrivateKey.generate()
    clock.now += 60
    gone = asyncio.ensure_future(verifier.verify(keys.sign(kid="k2")))
    await unanswered(keys, 2)
    gone.cancel()
    await asyncio.wait([gone])
    keys.answers.set()
    assert "u1" == (await verifier.verify(keys.sign(kid="k2"))).user_id
    for n in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(keys.sign(kid=f"forged{n}"))
    assert 2 == keys.asked


async def test_a_deadline_while_keys_are_fetched_is_one_request_s_own(keys: Keys, verifier: Verifier) -> None:
    async def ask(left: float) -> Caller:
        with working_on(Context("r1", asyncio.get_running_loop().time() + left)):
            return await verifier.verify(keys.sign())

    late, stays = asyncio.ensure_future(ask(0.001)), asyncio.ensure_future(ask(5))
    await unanswered(keys, 1)
    with pytest.raises(DeadlineExceeded):
        await late
    keys.answers.set()
    assert "u1" == (await stays).user_id
    assert 1 == keys.asked


async def test_a_known_key_waits_for_no_refresh(keys: Keys, verifier: Verifier, clock: Clock) -> None:
    await verifier.verify(keys.sign())
    clock.now += 601
    keys.answers.clear()
    for n in range(3):
        assert f"u{n}" == (await verifier.verify(keys.sign(sub=f"u{n}"))).user_id
    await unanswered(keys, 2)
    keys.away = True
    fetching = task_named(FETCH_TASK)
    keys.answers.set()
    await fetching
    assert "u3" == (await verifier.verify(keys.sign(sub="u3"))).user_id
    assert 2 == keys.asked, "it rests for a second after a failure"
    clock.now += 1
    keys.away = False
    keys.private = {"k2": Ed25519PrivateKey.generate()}
    assert "u1" == (await verifier.verify(keys.sign(kid="k2"))).user_id
    assert 3 == keys.asked


UNREADABLE = ["", "AA", "A" * 44, "not base64 \u00e9", "A" * 42, "\x00" * 43, "A" * 60_000]


@pytest.mark.parametrize("x", UNREADABLE)
async def test_keys_that_cannot_be_read_are_no_proof_that_a_token_is_bad(keys: Keys, x: str) -> None:
    async def fetch() -> Jwks:
        return Jwks(keys=(Jwk(kid="k2", x=x),)) if keys.asked else await keys.fetch()

    clock = Clock()
    verifier = Verifier(TokenSettings(), fetch, monotonic=clock)
    await verifier.verify(keys.sign())
    clock.now += 60
    for _ in range(2):
        with pytest.raises(BadReply):
            await verifier.verify(keys.sign(kid="k2"))
    assert "u2" == (await verifier.verify(keys.sign(sub="u2"))).user_id, "the keys that it has, it keeps"


@pytest.mark.parametrize("x", UNREADABLE)
async def test_a_key_that_cannot_be_read_spoils_none_of_the_others(keys: Keys, x: str) -> None:
    async def fetch() -> Jwks:
        return Jwks(keys=(Jwk(kid="k0", x=x), *(await keys.fetch()).keys))

    assert "u1" == (await Verifier(TokenSettings(), fetch).verify(keys.sign())).user_id


async def test_a_fetch_that_is_cancelled_makes_way_for_the_next(keys: Keys, verifier: Verifier) -> None:
    keys.answers.clear()
    asking = asyncio.ensure_future(verifier.verify(keys.sign()))
    await unanswered(keys, 1)
    task_named(FETCH_TASK).cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    keys.answers.set()
    assert "u1" == (await verifier.verify(keys.sign())).user_id


async def test_known_keys_go_on_serving_while_their_source_is_away(keys: Keys, verifier: Verifier) -> None:
    await verifier.verify(keys.sign())
    keys.away = True
    assert "u2" == (await verifier.verify(keys.sign(sub="u2"))).user_id


async def test_without_any_key_the_source_is_asked_each_time(keys: Keys, verifier: Verifier) -> None:
    keys.away = True
    for _ in range(2):
        with pytest.raises(NoResponder):
            await verifier.verify(keys.sign())
    keys.away = False
    await verifier.verify(keys.sign())
    assert 3 == keys.asked


async def test_what_was_verified_once_is_remembered_but_not_beyond_its_end(keys: Keys) -> None:
    now = time.time()
    verifier = Verifier(TokenSettings(), keys.fetch, lambda: now)
    token = keys.sign(exp=int(now) + 300)
    caller = await verifier.verify(token)
    assert caller is await verifier.verify(token)
    now += 331
    assert caller is not await verifier.verify(token), "it is verified again, by another clock than the cache's"


@pytest.mark.parametrize("valid_for", [1, 60, 300])
async def test_expired_tokens_leave_the_cache(keys: Keys, valid_for: int) -> None:
    now = time.time()
    verifier = Verifier(TokenSettings(), keys.fetch, lambda: now)
    for n in range(5):
        await verifier.verify(keys.sign(sub=f"u{n}", exp=int(now) + valid_for))
    await verifier.verify(keys.sign(sub="long", exp=int(now) + 3600))
    assert 6 == verifier.cached_tokens
    now += valid_for + LEEWAY + 1
    await verifier.verify(keys.sign(sub="new", exp=int(now) + 300))
    assert 2 == verifier.cached_tokens, "the long one and the new one"


async def test_a_token_that_the_cache_takes_for_expired_is_valid_all_the_same(keys: Keys) -> None:
    verifier = Verifier(TokenSettings(), keys.fetch, lambda: time.time() + 3600)
    token = keys.sign()
    assert await verifier.verify(token) == await verifier.verify(token)
    assert 0 == verifier.cached_tokens
