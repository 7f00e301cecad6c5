import asyncio
import time
from collections.abc import Awaitable

import pytest

from auth_svc.passwords import Passwords
from auth_svc.settings import AuthSettings
from mesh.core.errors import Invalid, RateLimited
from tests.support.passwords import HeldHasher

GOOD = "correct horse battery"
EMAIL = "anna.of.mesh-house@mesh.test"


async def test_a_password_matches_its_own_hash_alone(passwords: Passwords) -> None:
    stored = await passwords.hash(GOOD)
    assert await passwords.matches(GOOD, stored)
    assert not await passwords.matches(GOOD + "!", stored)


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert await passwords.hash(GOOD) != await passwords.hash(GOOD)


async def test_a_hash_is_argon2id_with_the_parameters_of_the_settings(passwords: Passwords) -> None:
    assert (await passwords.hash(GOOD)).startswith("$argon2id$v=19$m=128,t=1,p=1$")


async def test_without_further_settings_the_parameters_are_owasps_minimum(settings: AuthSettings) -> None:
    untouched = AuthSettings(auth_mongodb_url=settings.auth_mongodb_url, auth_key_encryption_key="A" * 43 + "=")
    with Passwords(untouched) as passwords:
        assert (await passwords.hash(GOOD)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_nobodys_password_never_matches(passwords: Passwords) -> None:
    assert not await passwords.matches(GOOD, None)


async def test_nobodys_password_costs_as_much_as_a_wrong_one(settings: AuthSettings) -> None:
    slow = settings.model_copy(update={"auth_argon2_memory_kib": 19_456})
    with Passwords(slow) as passwords:
        stored = await passwords.hash(GOOD)
        wrong = await cpu_seconds(passwords.matches("wrong", stored))
        nobodys = await cpu_seconds(passwords.matches("wrong", None))
    assert wrong / 4 < nobodys < wrong * 4, "without a verification it is a thousandth"


async def cpu_seconds(work: Awaitable[object]) -> float:
    """What the work costs this process, which is no matter of how busy the machine is."""
    before = time.process_time()
    await work
    return time.process_time() - before


async def test_a_damaged_hash_matches_nothing(passwords: Passwords) -> None:
    assert not await passwords.matches(GOOD, "$argon2id$damaged")


async def test_however_a_keyboard_composes_it_a_password_is_the_same(passwords: Passwords) -> None:
    composed, decomposed = "käse und weißbrot", "ka\u0308se und weißbrot"
    assert await passwords.matches(decomposed, await passwords.hash(composed))


async def test_a_hash_is_outdated_once_the_parameters_change(passwords: Passwords, settings: AuthSettings) -> None:
    stored = await passwords.hash(GOOD)
    with Passwords(settings.model_copy(update={"auth_argon2_time_cost": 2})) as stronger:
        assert stronger.is_outdated(stored)
        assert not passwords.is_outdated(stored)
        assert await stronger.matches(GOOD, stored)


@pytest.mark.parametrize("strong", ["x" * 15, "x" * 128, "🦊" * 15, "a\u0308" * 128])
def test_15_to_128_code_points_are_good_enough(passwords: Passwords, strong: str) -> None:
    passwords.require_strength(strong, EMAIL)


@pytest.mark.parametrize("weak", ["x", "x" * 14, "x" * 129, "a\u0308" * 14])
def test_fewer_or_more_are_a_weak_password(passwords: Passwords, weak: str) -> None:
    with pytest.raises(Invalid) as refusal:
        passwords.require_strength(weak, EMAIL)
    [error] = refusal.value.errors
    assert ("password", "weak_password", "must have 15 to 128 characters") == (error.field, error.reason, error.message)


@pytest.mark.parametrize("common", ["1qaz2wsx3edc4rfv", "123456789987654321", "1QAZ2WSX3EDC4RFV"])
def test_what_many_use_is_a_weak_password(passwords: Passwords, common: str) -> None:
    with pytest.raises(Invalid, match="among the most common"):
        passwords.require_strength(common, EMAIL)


@pytest.mark.parametrize("own", [EMAIL, "Anna.of.Mesh-House@mesh.test", "anna.of.mesh-house"])
def test_ones_own_address_is_a_weak_password(passwords: Passwords, own: str) -> None:
    with pytest.raises(Invalid, match="must not be the e-mail address") as refusal:
        passwords.require_strength(own, EMAIL, "new_password")
    assert ["new_password"] == [error.field for error in refusal.value.errors]


@pytest.mark.parametrize(
    ("own", "email"),
    [
        ("Anna.Huber@München.de", "anna.huber@xn--mnchen-3ya.de"),
        ("anna.huber@xn--mnchen-3ya.de", "anna.huber@xn--mnchen-3ya.de"),
        ("Anna.Von.Der.Straße", "anna.von.der.straße@x.example"),
        ("ANNA.VON.DER.STRASSE@X.EXAMPLE", "anna.von.der.straße@x.example"),
        ("anna.huber@straße.example", "anna.huber@xn--strae-oqa.example"),
    ],
)
def test_it_is_one_in_every_spelling(passwords: Passwords, own: str, email: str) -> None:
    with pytest.raises(Invalid, match="must not be the e-mail address"):
        passwords.require_strength(own, email)


def test_the_list_of_common_passwords_has_those_that_the_length_would_let_pass(settings: AuthSettings) -> None:
    with Passwords(settings.model_copy(update={"auth_password_min_length": 12})) as passwords:
        assert 200 < len(passwords.common)
        assert 12 == min(map(len, passwords.common))
        with pytest.raises(Invalid, match="among the most common"):
            passwords.require_strength("123qweasdzxc", EMAIL)


async def test_the_event_loop_goes_on_while_passwords_are_hashed(settings: AuthSettings) -> None:
    slow = settings.model_copy(update={"auth_argon2_memory_kib": 19_456, "auth_argon2_time_cost": 2})
    ticks = 0
    with Passwords(slow) as passwords:
        hashing = asyncio.gather(*(passwords.hash(GOOD) for _ in range(4)))
        while not hashing.done():
            ticks += 1
            await asyncio.sleep(0.001)
    assert ticks > 4, "a loop that is blocked comes round once a hash at most"


async def test_beyond_twenty_waiting_logins_are_refused_at_once(settings: AuthSettings) -> None:
    hasher = HeldHasher()
    with Passwords(settings, hasher) as passwords:
        held = [asyncio.create_task(passwords.matches(GOOD, "hash")) for _ in range(settings.auth_hashes_at_once + 20)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited) as refusal:
            await passwords.matches(GOOD, None)
        assert "too_many_logins" == refusal.value.reason
        hasher.gate.set()
        assert [True] * len(held) == await asyncio.gather(*held)
        assert not await passwords.matches(GOOD, None)


async def test_whoever_gives_up_waiting_makes_room(settings: AuthSettings) -> None:
    hasher = HeldHasher()
    with Passwords(settings, hasher) as passwords:
        held = [asyncio.create_task(passwords.matches(GOOD, "hash")) for _ in range(settings.auth_hashes_at_once + 20)]
        await asyncio.sleep(0)
        held[-1].cancel()
        await asyncio.wait([held[-1]])
        room = asyncio.create_task(passwords.matches(GOOD, None))
        hasher.gate.set()
        assert not await room
        await asyncio.wait(held)
