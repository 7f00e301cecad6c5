"""Tokens by e-mail: who gets one, what it is good for, and what an attacker can do with and without it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from auth_svc.settings import AuthSettings
from contracts.auth import ChangePassword, GetMe, Login, Register, UpdateUser, UserPatch
from contracts.auth_mail import (
    GetMailedToken,
    RequestMailedToken,
    ResetPassword,
    TokenPurpose,
    VerifyEmail,
)
from mesh.core.endpoint import Endpoint
from providers.mongo.database import Database
from providers.mongo.operation import now
from subjects import (
    AUTH_EMAIL_VERIFY,
    AUTH_LOGIN,
    AUTH_MAILED_TOKENS_GET,
    AUTH_MAILED_TOKENS_REQUEST,
    AUTH_ME,
    AUTH_PASSWORD_CHANGE,
    AUTH_PASSWORD_RESET,
    AUTH_REGISTER,
    AUTH_USERS_UPDATE,
)
from tests.integration.auth_svc.people import PASSWORD, Person, admin, log_in, person
from tests.integration.auth_svc.small_mesh import Documents, Mesh

NEW = "another horse battery"
ANNA = "anna@mesh.test"
Tokens = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def tokens(worker: Mesh, documents: Documents) -> Tokens:
    """The tokens that the events name, once every request is handled; as notifications gets them."""

    async def read() -> list[str]:
        while await documents("mail_requests"):
            await asyncio.sleep(0)
        events = [json.loads(one["body"]) for user in await documents("users") for one in user["unsent_events"]]
        ids = [event["token_id"] for event in events if "token_id" in event]
        return [(await worker.call(AUTH_MAILED_TOKENS_GET, GetMailedToken(token_id=one))).token for one in ids]

    return read


@pytest.fixture
async def anna(worker: Mesh) -> Person:
    return await person(worker, "anna")


async def ask(mesh: Mesh, email: str = ANNA) -> object:
    return await mesh.call(
        AUTH_MAILED_TOKENS_REQUEST, RequestMailedToken(purpose=TokenPurpose.PASSWORD_RESET, email=email)
    )


def reset(token: str, password: str = NEW) -> ResetPassword:
    return ResetPassword(token=token, new_password=password)


async def refused(mesh: Mesh, endpoint: Endpoint[Any, Any], request: Any) -> str:  # noqa: ANN401  # its request
    """The reason, and for a wrong field that of the field."""
    fault = await mesh.refused(endpoint, request)
    return fault.errors[0].reason if fault.errors else fault.reason


async def test_a_token_sets_a_new_password_and_ends_every_session(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    await ask(worker)
    [token] = await tokens()
    await worker.call(AUTH_PASSWORD_RESET, reset(token))

    assert "session_revoked" == await refused_with(worker, anna)
    assert "invalid_credentials" == await refused(worker, AUTH_LOGIN, Login(email=ANNA, password=PASSWORD))
    await log_in(worker, ANNA, NEW)


async def refused_with(mesh: Mesh, user: Person) -> str:
    return (await mesh.refused(AUTH_ME, GetMe(), user.access)).reason


async def test_the_log_says_that_the_password_was_reset(
    worker: Mesh, anna: Person, tokens: Tokens, documents: Documents
) -> None:
    await ask(worker)
    await worker.call(AUTH_PASSWORD_RESET, reset((await tokens())[0]))

    [entry] = [one for one in await documents("audit") if one["action"] == "password_changed"]
    assert (anna.user.user_id, None, "reset by e-mail") == (entry["subject_id"], entry["actor_id"], entry["detail"])


async def test_a_token_works_once_also_among_many_at_once(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    await ask(worker)
    [token] = await tokens()
    attempts = [worker.call(AUTH_PASSWORD_RESET, reset(token, f"{NEW} {number}")) for number in range(5)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert 1 == sum(not isinstance(outcome, Exception) for outcome in outcomes)
    assert "invalid_mailed_token" == await refused(worker, AUTH_PASSWORD_RESET, reset(token, "a third horse battery"))


async def test_a_repetition_with_the_same_password_is_confirmed_for_a_minute(
    worker: Mesh, anna: Person, tokens: Tokens, database: Database
) -> None:
    await ask(worker)
    [token] = await tokens()
    for _ in range(2):
        await worker.call(AUTH_PASSWORD_RESET, reset(token))
    await database["users"].update_many({}, {"$set": {"mailed.$[].used_at": now() - timedelta(minutes=2)}})

    assert "invalid_mailed_token" == await refused(worker, AUTH_PASSWORD_RESET, reset(token))


async def test_a_token_expires_after_half_an_hour(
    worker: Mesh, anna: Person, tokens: Tokens, database: Database, documents: Documents
) -> None:
    await ask(worker)
    [token] = await tokens()
    [stored] = next(user["mailed"] for user in await documents("users"))
    assert timedelta(minutes=29) < stored["expires_at"] - now() <= timedelta(minutes=30)
    await database["users"].update_many({}, {"$set": {"mailed.$[].expires_at": now()}})

    assert "invalid_mailed_token" == await refused(worker, AUTH_PASSWORD_RESET, reset(token))
    request = GetMailedToken(token_id=stored["id"])
    assert "mailed_token_not_found" == await refused(worker, AUTH_MAILED_TOKENS_GET, request)


async def test_a_use_ends_every_other_token(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    for _ in range(2):
        await ask(worker)
    first, second = await tokens()
    await worker.call(AUTH_PASSWORD_RESET, reset(second))

    assert "invalid_mailed_token" == await refused(worker, AUTH_PASSWORD_RESET, reset(first, PASSWORD))


async def test_a_change_of_the_password_ends_every_token(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    await ask(worker)
    [token] = await tokens()
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    await worker.call(AUTH_PASSWORD_CHANGE, change, anna.access)

    assert "invalid_mailed_token" == await refused(worker, AUTH_PASSWORD_RESET, reset(token, PASSWORD))


async def test_a_token_opens_its_own_account_alone(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    berta = await person(worker, "berta")
    await ask(worker, berta.user.email)
    await worker.call(AUTH_PASSWORD_RESET, reset((await tokens())[0]))

    await log_in(worker, ANNA, PASSWORD)
    await log_in(worker, berta.user.email, NEW)


async def test_neither_the_database_nor_an_event_has_the_token(
    worker: Mesh, anna: Person, tokens: Tokens, documents: Documents
) -> None:
    await ask(worker)
    [token] = await tokens()

    everything = [await documents(name) for name in ("users", "mail_requests", "audit", "sessions", "throttles")]
    assert token not in str(everything)


async def test_a_token_for_one_purpose_is_none_for_another(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    await ask(worker)

    assert "invalid_mailed_token" == await refused(worker, AUTH_EMAIL_VERIFY, VerifyEmail(token=(await tokens())[0]))


async def test_a_weak_password_does_not_use_up_the_token(worker: Mesh, anna: Person, tokens: Tokens) -> None:
    await ask(worker)
    [token] = await tokens()

    assert "weak_password" == await refused(worker, AUTH_PASSWORD_RESET, reset(token, "short"))
    await worker.call(AUTH_PASSWORD_RESET, reset(token))


async def test_an_unknown_address_and_a_disabled_account_get_the_same_answer_and_no_token(
    worker: Mesh, anna: Person, tokens: Tokens, database: Database
) -> None:
    boss = await admin(worker, database)
    known = await ask(worker, boss.user.email)
    disable = UpdateUser(user_id=anna.user.user_id, patch=UserPatch(disabled=True))
    await worker.call(AUTH_USERS_UPDATE, disable, boss.access)

    assert [known, known] == [await ask(worker, email) for email in ("nobody@mesh.test", ANNA)]
    assert 1 == len(await tokens())


async def test_a_disabled_account_cannot_use_the_token_that_it_got_before(
    worker: Mesh, anna: Person, tokens: Tokens, database: Database
) -> None:
    await ask(worker)
    [token] = await tokens()
    await database["users"].update_many({}, {"$set": {"disabled": True}})

    assert "invalid_mailed_token" == await refused(worker, AUTH_PASSWORD_RESET, reset(token))


@pytest.mark.parametrize("email", [ANNA, "nobody@mesh.test"])
async def test_a_flood_of_requests_sends_few_mails_known_or_not(worker: Mesh, anna: Person, email: str) -> None:
    request = RequestMailedToken(purpose=TokenPurpose.PASSWORD_RESET, email=email)
    calls = (worker.call(AUTH_MAILED_TOKENS_REQUEST, request) for _ in range(50))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    accepted = sum(not isinstance(outcome, Exception) for outcome in outcomes)
    assert 3 <= accepted <= 6, "on a busy machine a pause may end meanwhile"


async def test_guessed_tokens_slow_down_their_address(mesh: Mesh, settings: AuthSettings) -> None:
    await mesh.start(settings.model_copy(update={"auth_address_attempts": 5}))
    guesses = (mesh.refused(AUTH_PASSWORD_RESET, reset(f"{number:043}"), address="203.0.113.7") for number in range(20))
    reasons = [fault.reason for fault in await asyncio.gather(*guesses)]

    assert 10 <= reasons.count("too_many_logins") <= 15


async def test_a_request_survives_the_process_that_took_it(
    mesh: Mesh, settings: AuthSettings, database: Database, documents: Documents
) -> None:
    await mesh.start(settings)
    await person(mesh, "anna")
    left = {"_id": "a" * 32, "purpose": "password_reset", "emails": [ANNA], "at": now(), "due_at": now()}
    await database["mail_requests"].insert_one(left)
    await mesh.start(settings)
    while await documents("mail_requests"):
        await asyncio.sleep(0.01)

    assert ["a" * 32] == [one["id"] for user in await documents("users") for one in user["mailed"]]


@pytest.fixture
async def verifying(mesh: Mesh, settings: AuthSettings) -> Mesh:
    """A worker whose new users must verify their address."""
    await mesh.start(settings.model_copy(update={"auth_email_verification": True}))
    return mesh


async def sent(mesh: Mesh, documents: Documents) -> list[str]:
    """The tokens in the documents of all users."""
    while await documents("mail_requests"):
        await asyncio.sleep(0)
    ids = [one["id"] for user in await documents("users") for one in user["mailed"]]
    return [(await mesh.call(AUTH_MAILED_TOKENS_GET, GetMailedToken(token_id=one))).token for one in ids]


async def test_a_new_user_logs_in_once_the_address_is_verified(verifying: Mesh, documents: Documents) -> None:
    user = await verifying.call(AUTH_REGISTER, Register(email=ANNA, password=PASSWORD))
    assert not user.email_verified
    assert "email_not_verified" == await refused(verifying, AUTH_LOGIN, Login(email=ANNA, password=PASSWORD))
    assert "invalid_credentials" == await refused(verifying, AUTH_LOGIN, Login(email=ANNA, password="wrong"))
    [token] = await sent(verifying, documents)
    for _ in range(2):
        await verifying.call(AUTH_EMAIL_VERIFY, VerifyEmail(token=token))

    access = (await log_in(verifying, ANNA)).access_token
    assert (await verifying.call(AUTH_ME, GetMe(), access)).email_verified
    details = [one["detail"] for one in await documents("audit") if one["action"] == "enabled"]
    assert ["e-mail address verified"] == details


async def test_the_mail_is_sent_again_to_whoever_has_not_verified(verifying: Mesh, documents: Documents) -> None:
    await verifying.call(AUTH_REGISTER, Register(email=ANNA, password=PASSWORD))
    again = RequestMailedToken(purpose=TokenPurpose.EMAIL_VERIFICATION, email=ANNA)
    await verifying.call(AUTH_MAILED_TOKENS_REQUEST, again)
    first, _ = await sent(verifying, documents)
    await verifying.call(AUTH_EMAIL_VERIFY, VerifyEmail(token=first))
    await verifying.call(AUTH_MAILED_TOKENS_REQUEST, again)

    assert 2 == len(await sent(verifying, documents))


async def test_a_reset_verifies_the_address_too(verifying: Mesh, documents: Documents) -> None:
    await verifying.call(AUTH_REGISTER, Register(email=ANNA, password=PASSWORD))
    await ask(verifying)
    await verifying.call(AUTH_PASSWORD_RESET, reset((await sent(verifying, documents))[1]))

    await log_in(verifying, ANNA, NEW)
