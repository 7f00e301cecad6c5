"""Tokens: every kind of bad one is refused, for its own reason."""

import json
import time
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conform.check import Skip, Tally, rule
from conform.golden import examples
from conform.kit import NO_TOKEN, Kit
from conform.tokens import HEADER, HOUR, claims, signed, text
from ops.contracts.tree import EndpointContract

_ROLES = ("USER", "ADMIN")
_REFUSED = {"token_required", "token_expired", "invalid_token", "role_required"}


def _now() -> int:
    return int(time.time())


async def _body(kit: Kit, endpoint: EndpointContract) -> object | None:
    """A request that only a token is missing from; None if the kit cannot make one."""
    try:
        found = examples(kit.material.examples, endpoint.subject)
        return await kit.givens.fill(found[0].request) if found else None
    except Skip:
        return None


async def _verified(kit: Kit) -> list[tuple[EndpointContract, dict[str, object]]]:
    made = [(one, await _body(kit, one)) for one in kit.verified]
    found = [(one, body) for one, body in made if isinstance(body, dict)]
    if not found:
        raise Skip("the kit cannot make a request that needs a token")
    return found


async def _try(kit: Kit, tally: Tally, bad: list[tuple[str, str]], reason: str) -> None:
    """Send each bad token to one endpoint, and the first to every one."""
    for number, (endpoint, body) in enumerate(await _verified(kit)):
        expected = "token_required" if endpoint.access == "anyone" else reason
        for why, token in bad if number == 0 else bad[:1]:
            reply = await kit.ask(endpoint, body, token=token)
            tally.expect(reply.reason == expected, f"{endpoint.subject}: {why}: {reply.said}, not `{expected}`")


def _minting(kit: Kit) -> None:
    if not kit.tokens.mints:
        raise Skip("the kit does not stand in for auth (--jwks-stand-in), so it cannot sign tokens")


@rule("W-TOK-1")
async def a_token_is_required(kit: Kit, tally: Tally) -> None:
    """Without a token each verified endpoint is `token_required`."""
    for endpoint, body in await _verified(kit):
        reply = await kit.ask(endpoint, body, token=NO_TOKEN)
        tally.expect(reply.reason == "token_required", f"{endpoint.subject}: {reply.said}")


@rule("W-TOK-2")
async def the_header_is_bearer_and_a_token(kit: Kit, tally: Tally) -> None:
    """The scheme has any case; another scheme, another separator and a token of over 4 KB are `invalid_token`."""
    _minting(kit)
    [endpoint, body] = (await _verified(kit))[0]
    good = signed(claims("conform-admin", *_ROLES))
    long = signed(claims("conform-admin", *_ROLES, more="x" * 4000))
    for value in (f"Basic {good}", f"Bearer  {good}", f"Bearer {long}", good, "Bearer", f"Bearer {good} x"):
        reply = await kit.ask(endpoint, body, headers={"Authorization": value})
        tally.expect(reply.reason == "invalid_token", f"{value[:10]}… ({len(value)}): {reply.said}")
    reply = await kit.ask(endpoint, body, headers={"Authorization": f"bEARER {good}"})
    tally.expect(reply.reason not in _REFUSED, f"bEARER: {reply.said}")


@rule("W-TOK-3")
async def tokens_have_one_spelling(kit: Kit, tally: Tally) -> None:
    """Padding, spare bits, another key and broken parts are `invalid_token`."""
    _minting(kit)
    good = signed(claims("conform-admin", *_ROLES))
    head, body, signature = good.split(".")
    spare = signature[:-1] + "AQgwBRhx"["AQgw".index(signature[-1]) + 4]
    bad = [
        ("another key", signed(claims("a", *_ROLES), key=Ed25519PrivateKey.generate())),
        ("padding", f"{good}=="),
        ("spare bits", f"{head}.{body}.{spare}"),
        ("no signature", f"{head}.{body}."),
        ("two parts", f"{head}.{body}"),
        ("an altered claim", f"{head}.{text(b'{}')}.{signature}"),
        ("claims that are a list", signed([])),
        ("claims with a name twice", signed(b'{"sub":"a","sub":"b"}')),
        ("a fraction", signed(claims("a", *_ROLES, exp=_now() + HOUR + 0.5))),
        ("no token", "a.b.c"),
    ]
    await _try(kit, tally, bad, "invalid_token")


@rule("W-TOK-4")
async def only_eddsa_and_at_jwt(kit: Kit, tally: Tally) -> None:
    """Another `alg`, none, another `typ`, no `kid` or any `crit` is `invalid_token`."""
    _minting(kit)
    said = claims("conform-admin", *_ROLES)
    heads: dict[str, dict[str, object]] = {
        "alg none": {**HEADER, "alg": "none"},
        "alg HS256": {**HEADER, "alg": "HS256"},
        "alg ES256": {**HEADER, "alg": "ES256"},
        "typ JWT": {**HEADER, "typ": "JWT"},
        "typ id token": {**HEADER, "typ": "id+jwt"},
        "crit": {**HEADER, "crit": ["exp"]},
        "no typ": {"alg": "EdDSA", "kid": HEADER["kid"]},
        "no kid": {"alg": "EdDSA", "typ": "at+jwt"},
        "kid is a number": {**HEADER, "kid": 1},
    }
    no_algorithm = text(json.dumps({**HEADER, "alg": "none"}).encode())
    unsigned = f"{no_algorithm}.{signed(said).split('.')[1]}."
    bad = [("none, unsigned", unsigned), *((why, signed(said, head)) for why, head in heads.items())]
    await _try(kit, tally, bad, "invalid_token")


def _wrong_claims() -> Iterator[tuple[str, str]]:
    wrong: dict[str, object] = {
        "iss": "another",
        "aud": "another",
        "nbf": _now() + HOUR,
        "iat": "now",
        "roles": "ADMIN",
    }
    for name, value in wrong.items():
        yield f"another {name}", signed(claims("a", **{"roles": list(_ROLES), name: value}))
    for name in ("iss", "aud", "sub", "sid", "jti", "exp", "nbf", "iat", "roles"):
        yield f"no {name}", signed(claims("a", **{"roles": list(_ROLES), name: None}))
    for name in ("sub", "sid", "jti"):
        yield f"an empty {name}", signed(claims("a", **{"roles": list(_ROLES), name: ""}))
    yield "two audiences", signed(claims("a", *_ROLES, aud=["northwind-mesh", "another"]))
    yield "a list of one audience", signed(claims("a", *_ROLES, aud=["northwind-mesh"]))


@rule("W-TOK-5")
async def each_claim_is_verified(kit: Kit, tally: Tally) -> None:
    """A claim that is missing, of another type or for others is `invalid_token`; unknown claims are ignored."""
    _minting(kit)
    await _try(kit, tally, list(_wrong_claims()), "invalid_token")
    [endpoint, body] = (await _verified(kit))[0]
    fine: dict[str, dict[str, object]] = {"unknown claims": {"more": {"a": 1}}, "leeway": {"nbf": _now() + 20}}
    for why, changes in fine.items():
        reply = await kit.ask(endpoint, body, token=signed(claims("a", *_ROLES, **changes)))
        tally.expect(reply.reason not in _REFUSED, f"{why}: {reply.said}")


@rule("W-TOK-6")
async def roles_give_rights(kit: Kit, tally: Tally) -> None:
    """Unknown roles, no roles and USER alone give no right of an administrator."""
    _minting(kit)
    for endpoint, body in await _verified(kit):
        lacking: list[tuple[str, ...]] = [(), ("ROOT",), ("admin",)]
        for roles in [*lacking, ("USER",)] if endpoint.access == "admin" else lacking:
            reply = await kit.ask(endpoint, body, token=signed(claims("conform-user", *roles)))
            refused = endpoint.access != "anyone"
            tally.expect(
                (reply.reason == "role_required") == refused, f"{endpoint.subject}: roles {list(roles)}: {reply.said}"
            )


@rule("W-TOK-7")
async def expired_tokens_say_so(kit: Kit, tally: Tally) -> None:
    """A token that has expired is `token_expired`; one that is wrong otherwise too is `invalid_token`."""
    _minting(kit)
    past = {"iat": _now() - 2 * HOUR, "nbf": _now() - 2 * HOUR, "exp": _now() - HOUR}
    await _try(kit, tally, [("expired", signed(claims("a", *_ROLES, **past)))], "token_expired")
    both = signed(claims("a", *_ROLES, **past), key=Ed25519PrivateKey.generate())
    await _try(kit, tally, [("expired and forged", both)], "invalid_token")


@rule("W-TOK-8")
async def unknown_keys_are_refused(kit: Kit, tally: Tally) -> None:
    """A token of an unknown key is `invalid_token`, and forged ones cause no flood of fetches."""
    _minting(kit)
    asked = getattr(kit.tokens, "asked", 0)
    bad = [(f"kid {n}", signed(claims("a", *_ROLES), {**HEADER, "kid": f"nobody-{n}"})) for n in range(5)]
    await _try(kit, tally, bad, "invalid_token")
    fetches = getattr(kit.tokens, "asked", 0) - asked
    instances = max(1, len(await kit.pool()))
    tally.expect(fetches <= 2 * instances, f"auth.jwks was asked {fetches} times for five unknown keys")
