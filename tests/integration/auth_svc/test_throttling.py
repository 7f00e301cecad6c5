"""How fast passwords may be guessed: on an account, from an address, at all replicas together."""

import asyncio
import json
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from auth_svc.passwords import Passwords
from auth_svc.repository import Throttles
from auth_svc.settings import AuthSettings
from auth_svc.throttle import Throttle
from contracts.auth import Login, Register
from mesh.core.context import Context, working_on
from mesh.core.errors import RateLimited, RemoteFault
from providers.mongo.database import Database
from subjects import AUTH_LOGIN, AUTH_REGISTER
from tests.integration.auth_svc.people import PASSWORD, log_in, person
from tests.integration.auth_svc.small_mesh import Documents, Mesh
from tests.support.passwords import HeldHasher


@pytest.fixture
async def two_workers(mesh: Mesh, settings: AuthSettings) -> Mesh:
    for _ in range(2):
        await mesh.start(settings.model_copy(update={"auth_address_attempts": 20}))
    return mesh


async def faults(mesh: Mesh, *logins: Login, address: str | None = None) -> list[RemoteFault]:
    return await asyncio.gather(*(mesh.refused(AUTH_LOGIN, login, address=address) for login in logins))


async def end_the_pauses(database: Database) -> None:
    await database["throttles"].update_many({}, [{"$set": {"next_at": {"$subtract": ["$$NOW", 1]}}}])


@pytest.mark.parametrize("email", ["anna@mesh.test", "nobody@mesh.test", "no address@mesh"])
async def test_of_a_hundred_guesses_at_once_few_are_looked_at_at_all_replicas_together(
    two_workers: Mesh, email: str
) -> None:
    await person(two_workers, "anna")
    guesses = [Login.model_construct(email=email.replace(" ", ""), password=f"guess {n}") for n in range(100)]
    refused = await faults(two_workers, *guesses)
    reasons = [fault.reason for fault in refused]
    assert 5 <= reasons.count("invalid_credentials") <= 8, "on a busy machine a pause may end meanwhile"
    assert 100 == reasons.count("invalid_credentials") + reasons.count("too_many_logins")
    assert all(fault.retry_after for fault in refused if fault.reason == "too_many_logins")


async def test_the_pause_grows_and_is_never_longer_than_a_quarter_of_an_hour(
    two_workers: Mesh, database: Database
) -> None:
    await person(two_workers, "anna")
    wrong = Login(email="anna@mesh.test", password="wrong")
    await faults(two_workers, *[wrong] * 5)
    pauses = []
    for _ in range(13):
        [throttle] = await database["throttles"].find().to_list()
        pauses.append((throttle["next_at"] - throttle["asked_at"]).total_seconds())
        await end_the_pauses(database)
        assert ["invalid_credentials"] == [fault.reason for fault in await faults(two_workers, wrong)]
    assert [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] == pauses
    [told] = await faults(two_workers, wrong)
    assert ("too_many_logins", True) == (told.reason, 890 < (told.retry_after or 0) <= 900)
    await end_the_pauses(database)
    await log_in(two_workers, "anna@mesh.test")
    await log_in(two_workers, "anna@mesh.test")


async def test_a_right_password_must_wait_as_well_so_that_a_pause_tells_nothing(
    two_workers: Mesh, database: Database
) -> None:
    await person(two_workers, "anna")
    await faults(two_workers, *[Login(email="anna@mesh.test", password="wrong")] * 5)
    await database["throttles"].update_many({}, [{"$set": {"next_at": {"$add": ["$$NOW", 60_000]}}}])
    [fault] = await faults(two_workers, Login(email="anna@mesh.test", password=PASSWORD))
    assert "too_many_logins" == fault.reason


async def test_one_address_that_tries_many_accounts_is_slowed_down_and_no_other(two_workers: Mesh) -> None:
    await person(two_workers, "anna")
    guesses = [Login(email=f"u{n}@mesh.test", password="a common password") for n in range(30)]
    reasons = [fault.reason for fault in await faults(two_workers, *guesses, address="203.0.113.7")]
    assert 20 <= reasons.count("invalid_credentials") <= 24
    assert 30 == reasons.count("invalid_credentials") + reasons.count("too_many_logins")
    await log_in(two_workers, "anna@mesh.test", address="203.0.113.8")


async def test_of_ipv6_a_whole_site_is_one_address(two_workers: Mesh) -> None:
    guesses = [Login(email=f"u{n}@mesh.test", password="a common password") for n in range(30)]
    told = await asyncio.gather(
        *(two_workers.refused(AUTH_LOGIN, one, address=f"2001:db8::{n:x}") for n, one in enumerate(guesses, 1))
    )
    assert 6 <= [fault.reason for fault in told].count("too_many_logins") <= 10


async def test_successes_do_not_count(two_workers: Mesh) -> None:
    await person(two_workers, "anna")
    for _ in range(25):
        await log_in(two_workers, "anna@mesh.test", address="203.0.113.7")


async def test_who_shares_an_address_with_a_guesser_logs_in_again_and_again_once_its_pause_is_over(
    two_workers: Mesh, database: Database
) -> None:
    await person(two_workers, "anna")
    for n in range(26):
        await two_workers.refused(AUTH_LOGIN, Login(email=f"u{n}@mesh.test", password="wrong"), address="203.0.113.7")
        await end_the_pauses(database)
    for _ in range(5):
        await log_in(two_workers, "anna@mesh.test", address="203.0.113.7")
    [fault] = await faults(two_workers, Login(email="u@mesh.test", password="wrong"), address="203.0.113.7")
    assert 128 == fault.retry_after


async def test_what_was_never_evaluated_does_not_count(settings: AuthSettings, database: Database) -> None:
    throttle, hasher = Throttle(settings, Throttles(database)), HeldHasher()
    with (
        Passwords(settings, hasher) as passwords,
        working_on(Context("r1", float("inf"), client_address="203.0.113.7")),
    ):
        held = [asyncio.create_task(passwords.matches(PASSWORD, "hash")) for _ in range(passwords.room)]
        await asyncio.sleep(0)
        try:
            for _ in range(20):
                with pytest.raises(RateLimited, match="being hashed at the moment"):
                    async with throttle.attempt("anna@mesh.test"):
                        await passwords.matches(PASSWORD, None)
        finally:
            hasher.gate.set()
            await asyncio.wait(held)
    kept = await database["throttles"].find().to_list()
    assert [(True, False)] * 2 == [(one["clear_at"] <= one["asked_at"], "next_at" in one) for one in kept]


async def test_a_guesser_does_not_see_when_the_owner_was_there(two_workers: Mesh, database: Database) -> None:
    await person(two_workers, "anna")
    guesses = [Login(email=f"{name}@mesh.test", password="wrong") for name in ("anna", "nobody")]
    for _ in range(6):
        await faults(two_workers, *guesses)
        await end_the_pauses(database)
    await log_in(two_workers, "anna@mesh.test")
    assert [4, 4] == [fault.retry_after for fault in await faults(two_workers, *guesses)]


async def test_logins_at_once_after_a_change_of_the_hashes_parameters_succeed(
    mesh: Mesh, settings: AuthSettings
) -> None:
    async with AsyncExitStack() as resources:
        before = Mesh(resources)
        await before.start(settings)
        await person(before, "anna")
    for _ in range(2):
        await mesh.start(settings.model_copy(update={"auth_argon2_time_cost": 2}))
    await asyncio.gather(*(log_in(mesh, "anna@mesh.test") for _ in range(4)))


async def test_an_idempotency_key_is_no_way_around_the_throttle(two_workers: Mesh) -> None:
    async def register(password: str) -> str | None:
        body = json.dumps({"email": "anna@mesh.test", "password": password}).encode()
        _, answer = await two_workers.send("auth.register", body, {"Idempotency-Key": "k"})
        reason: str | None = json.loads(answer).get("reason")
        return reason

    assert None is await register(PASSWORD)
    reasons = [await register(f"another horse {n}") for n in range(20)]
    assert ["idempotency_key_reused"] * 5 == reasons[:5]
    assert "too_many_logins" in reasons


async def test_a_repeated_registration_counts_for_its_address_however_it_ends(two_workers: Mesh) -> None:
    async def register() -> str | None:
        body = json.dumps({"email": "anna@mesh.test", "password": f"another horse {uuid4().hex}"}).encode()
        headers = {"Idempotency-Key": "k", "Client-Address": "203.0.113.7"}
        _, answer = await two_workers.send("auth.register", body, headers)
        reason: str | None = json.loads(answer).get("reason")
        return reason

    for _ in range(25):
        await register()
    other = Register(email="berta@mesh.test", password=PASSWORD)
    assert "too_many_logins" == (await two_workers.refused(AUTH_REGISTER, other, address="203.0.113.7")).reason


async def test_nobody_tries_out_who_is_registered(two_workers: Mesh) -> None:
    await person(two_workers, "anna")
    taken = Register(email="anna@mesh.test", password=PASSWORD)
    told = await asyncio.gather(*(two_workers.refused(AUTH_REGISTER, taken, address="203.0.113.7") for _ in range(30)))
    assert 20 <= [fault.reason for fault in told].count("email_taken") <= 24


async def test_nobody_registers_many_from_one_address(two_workers: Mesh) -> None:
    for n in range(20):
        await two_workers.call(
            AUTH_REGISTER, Register(email=f"u{n}@mesh.test", password=PASSWORD), address="203.0.113.7"
        )
    another = Register(email="u@mesh.test", password=PASSWORD)
    assert "too_many_logins" == (await two_workers.refused(AUTH_REGISTER, another, address="203.0.113.7")).reason


async def test_what_is_kept_does_not_show_who_was_tried(two_workers: Mesh, documents: Documents) -> None:
    await faults(two_workers, Login(email="typed-a-password@mesh.test", password="wrong"))
    assert "typed" not in repr(await documents("throttles")) + repr(await documents("audit"))


@pytest.mark.parametrize("attempts", [1, 3, 8])
async def test_whoever_tries_is_told_how_often_one_may(mesh: Mesh, settings: AuthSettings, attempts: int) -> None:
    await mesh.start(settings.model_copy(update={"auth_login_attempts": attempts}))
    await person(mesh, "anna")
    assert attempts == (await log_in(mesh, "anna@mesh.test")).attempts
    wrong = Login(email="anna@mesh.test", password="wrong")
    told = [(await faults(mesh, wrong))[0] for _ in range(attempts + 2)]
    assert {"invalid_credentials", "too_many_logins"} == {fault.reason for fault in told}
    assert {attempts} == {fault.attempts for fault in told}
