"""Refresh tokens that come back, sessions that end, and who is told."""

import asyncio
from datetime import timedelta

import pytest

from auth_svc.handlers import Handlers
from auth_svc.passwords import Passwords
from auth_svc.repository import Audit, Session, Sessions, SigningKeys, Throttles, Users
from auth_svc.revocation import Revocation
from auth_svc.settings import AuthSettings
from auth_svc.signer import Signer
from auth_svc.throttle import Throttle
from auth_svc.tokens import AccessTokens, RefreshTokens
from contracts.auth import (
    ChangePassword,
    GetMe,
    ListRevoked,
    ListSessions,
    Login,
    Logout,
    Refresh,
    RevokeSession,
    RevokeSessions,
    SessionsRevoked,
    Tokens,
)
from mesh.core.errors import Unauthenticated
from mesh.transport.events import subscribe
from providers.mongo.database import Database
from subjects import (
    AUTH_LOGIN,
    AUTH_LOGOUT,
    AUTH_ME,
    AUTH_PASSWORD_CHANGE,
    AUTH_REFRESH,
    AUTH_SESSIONS_LIST,
    AUTH_SESSIONS_REVOKE,
    AUTH_SESSIONS_REVOKE_ALL,
    AUTH_SESSIONS_REVOKED,
    EVENTS_AUTH_SESSIONS_REVOKED,
)
from tests.integration.auth_svc.people import PASSWORD, Person, log_in, person
from tests.integration.auth_svc.small_mesh import Documents, Mesh

NEW = "another horse battery"
DAY = timedelta(days=1)


@pytest.fixture
async def anna(worker: Mesh) -> Person:
    return await person(worker, "anna")


@pytest.fixture
async def told(worker: Mesh) -> list[str]:
    """The sessions that events told of."""
    heard: list[str] = []

    def hear(event: SessionsRevoked) -> None:
        heard.extend(event.session_ids)

    await subscribe(worker.connect("gateway"), EVENTS_AUTH_SESSIONS_REVOKED, hear)
    return heard


async def age_rotation(database: Database, seconds: int) -> None:
    for session in await database["sessions"].find().to_list():
        earlier = session["rotated_at"] - timedelta(seconds=seconds)
        await database["sessions"].update_one({"_id": session["_id"]}, {"$set": {"rotated_at": earlier}})


def refresh(one: Person) -> Refresh:
    return Refresh(refresh_token=one.tokens.refresh_token)


async def test_for_ten_seconds_a_lost_answer_is_given_again(worker: Mesh, anna: Person) -> None:
    first = await anna.refreshed(worker)
    again = await anna.refreshed(worker)
    assert first.tokens.refresh_token == again.tokens.refresh_token
    await again.refreshed(worker)


async def test_of_fifty_at_once_all_get_the_same_successor(mesh: Mesh, settings: AuthSettings) -> None:
    for _ in range(2):
        await mesh.start(settings)
    anna = await person(mesh, "anna")
    answers = await asyncio.gather(*(mesh.call(AUTH_REFRESH, refresh(anna)) for _ in range(50)))
    assert 1 == len({tokens.refresh_token for tokens in answers})
    assert isinstance(answers[0], Tokens)


async def test_a_token_that_comes_back_later_ends_its_session(
    worker: Mesh, anna: Person, told: list[str], database: Database, documents: Documents
) -> None:
    other = await anna.again(worker)
    stolen = anna
    owner = await anna.refreshed(worker)
    await age_rotation(database, 11)
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(stolen))).reason
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(owner))).reason
    assert "session_revoked" == (await worker.refused(AUTH_ME, GetMe(), owner.access)).reason
    assert [anna.session_id] == told
    [entry] = [one for one in await documents("audit") if one["action"] == "refresh_token_reused"]
    assert anna.user.user_id == entry["subject_id"]
    await other.refreshed(worker)


async def test_a_token_from_before_the_last_ends_its_session_at_once(
    worker: Mesh, anna: Person, told: list[str]
) -> None:
    newest = await (await anna.refreshed(worker)).refreshed(worker)
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(anna))).reason
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(newest))).reason
    assert [anna.session_id] == told


async def test_a_made_up_token_ends_nothing(worker: Mesh, anna: Person, told: list[str]) -> None:
    token = anna.tokens.refresh_token
    for forged in (token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"), "A" * 70, "x" * 43):
        fault = await worker.refused(AUTH_REFRESH, Refresh(refresh_token=forged))
        assert "invalid_refresh_token" == fault.reason
        await worker.call(AUTH_LOGOUT, Logout(refresh_token=forged))
    assert [] == told
    await anna.refreshed(worker)


async def test_one_sees_ones_own_sessions_and_no_others(worker: Mesh, anna: Person) -> None:
    await person(worker, "berta")
    tokens = await log_in(worker, anna.user.email, address="203.0.113.7")
    page = await worker.call(AUTH_SESSIONS_LIST, ListSessions(), tokens.access_token)
    assert [("203.0.113.7", True), (None, False)] == [(one.client_address, one.current) for one in page.items]
    assert anna.session_id == page.items[1].session_id


async def test_one_ends_a_session_of_ones_own(worker: Mesh, anna: Person, told: list[str]) -> None:
    other = await anna.again(worker)
    for _ in range(2):  # twice is no error
        await worker.call(AUTH_SESSIONS_REVOKE, RevokeSession(session_id=other.session_id), anna.access)
    assert [other.session_id] == told
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(other))).reason
    await anna.refreshed(worker)


async def test_one_cannot_end_somebody_elses(worker: Mesh, anna: Person, told: list[str]) -> None:
    berta = await person(worker, "berta")
    theirs = await worker.refused(AUTH_SESSIONS_REVOKE, RevokeSession(session_id=berta.session_id), anna.access)
    nobodys = await worker.refused(AUTH_SESSIONS_REVOKE, RevokeSession(session_id="0" * 32), anna.access)
    assert ("session_not_found", str(theirs)) == (nobodys.reason, str(nobodys))
    assert [] == told
    await berta.refreshed(worker)


async def test_logging_out_everywhere_ends_them_all(worker: Mesh, anna: Person, told: list[str]) -> None:
    other, berta = await anna.again(worker), await person(worker, "berta")
    for _ in range(2):  # twice is no error
        assert (await worker.call(AUTH_SESSIONS_REVOKE_ALL, RevokeSessions(), anna.access)).ended
    assert {anna.session_id, other.session_id} == set(told)
    revoked = await worker.call(AUTH_SESSIONS_REVOKED, ListRevoked())
    assert set(told) == set(revoked.session_ids)
    for one in (anna, other):
        assert "session_revoked" == (await worker.refused(AUTH_ME, GetMe(), one.access)).reason
    await berta.refreshed(worker)


async def test_however_many_are_revoked_they_are_all_told_in_pages(
    worker: Mesh, database: Database, anna: Person
) -> None:
    """30,001 ids in one reply would be over the limit of NATS."""
    [one] = await database["sessions"].find().to_list()
    ended = {"user_id": "u2", "rotated_at": one["rotated_at"], "revoked_at": one["rotated_at"]}
    ids = {f"{number:032x}" for number in range(30_001)}
    await database["sessions"].insert_many([{"_id": each, **ended} for each in ids], ordered=False)
    told: set[str] = set()
    request = ListRevoked()
    while (page := await worker.call(AUTH_SESSIONS_REVOKED, request)).next_cursor:
        told.update(page.session_ids)
        request = ListRevoked(cursor=page.next_cursor)
    assert ids == told | set(page.session_ids)


async def test_what_was_revoked_long_after_its_last_access_token_is_not_told(
    worker: Mesh, database: Database, anna: Person
) -> None:
    idle = await anna.again(worker)
    await age_rotation(database, 391)
    used = await (await anna.again(worker)).refreshed(worker)
    await worker.call(AUTH_SESSIONS_REVOKE_ALL, RevokeSessions(), used.access)
    assert (used.session_id,) == (await worker.call(AUTH_SESSIONS_REVOKED, ListRevoked())).session_ids
    for one in (anna, idle, used):
        assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(one))).reason


async def test_of_sixty_sessions_begun_at_once_fifty_remain(
    worker: Mesh, database: Database, anna: Person, told: list[str]
) -> None:
    async def begin() -> Session:
        sessions = Sessions(database, idle=DAY, longest=DAY, remembered=DAY)
        begun = await sessions.create(anna.user.user_id, None)
        await sessions.end_surplus(anna.user.user_id)
        return begun

    begun = await asyncio.gather(*(begin() for _ in range(60)))
    berta = await person(worker, "berta")
    other = await anna.again(worker)
    alive = await worker.call(AUTH_SESSIONS_LIST, ListSessions(), other.access)
    ended = {anna.session_id, *(one.session_id for one in begun)} - {one.session_id for one in alive.items}
    assert (50, 12, True) == (len(alive.items), len(ended), alive.items[0].current)
    assert anna.session_id in ended, "the oldest end"
    assert (1, True) == (len(told), set(told) < ended), "what ends for a login of ours is told"
    assert ended == set((await worker.call(AUTH_SESSIONS_REVOKED, ListRevoked())).session_ids)
    assert "session_revoked" == (await worker.refused(AUTH_ME, GetMe(), anna.access)).reason
    assert "invalid_refresh_token" == (await worker.refused(AUTH_REFRESH, refresh(anna))).reason
    await berta.refreshed(worker)


async def test_an_attempt_at_another_password_is_one_guess(worker: Mesh, anna: Person) -> None:
    present_in_the_second_place = ChangePassword(current_password="not the current one", new_password=PASSWORD)
    fault = await worker.refused(AUTH_PASSWORD_CHANGE, present_in_the_second_place, anna.access)
    assert "wrong_password" in {error.reason for error in fault.errors}


async def test_another_password_ends_the_other_sessions(worker: Mesh, anna: Person, told: list[str]) -> None:
    other = await anna.again(worker)
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    await worker.call(AUTH_PASSWORD_CHANGE, change, anna.access)
    assert [other.session_id] == told
    await anna.refreshed(worker)
    assert (
        "invalid_credentials"
        == (await worker.refused(AUTH_LOGIN, Login(email=anna.user.email, password=PASSWORD))).reason
    )
    await log_in(worker, anna.user.email, NEW)


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (ChangePassword(current_password="wrong", new_password=NEW), "wrong_password", "current_password"),
        (ChangePassword(current_password=PASSWORD, new_password="short"), "weak_password", "new_password"),
    ],
)
async def test_a_password_is_not_changed_without_the_present_one_nor_to_a_weak_one(
    worker: Mesh, anna: Person, change: ChangePassword, reason: str, field: str
) -> None:
    fault = await worker.refused(AUTH_PASSWORD_CHANGE, change, anna.access)
    assert (reason, [field]) == (fault.reason, [error.field for error in fault.errors])
    await log_in(worker, anna.user.email)


async def test_the_present_password_is_not_guessed_either(worker: Mesh, anna: Person) -> None:
    guess = ChangePassword(current_password="wrong", new_password=NEW)
    faults = await asyncio.gather(*(worker.refused(AUTH_PASSWORD_CHANGE, guess, anna.access) for _ in range(20)))
    reasons = [fault.reason for fault in faults]
    assert 5 <= reasons.count("wrong_password") <= 8
    assert 20 == reasons.count("wrong_password") + reasons.count("too_many_logins")


class Overtaken(Passwords):
    """Somebody changes the password right after it was checked."""

    def __init__(self, settings: AuthSettings, database: Database) -> None:
        super().__init__(settings)
        self._database = database

    async def matches(self, password: str, stored: str | None) -> bool:
        right = await super().matches(password, stored)
        await self._database["users"].update_one({}, {"$set": {"password_hash": "another one"}})
        return right


async def test_a_login_that_a_password_change_overtakes_begins_no_session(
    worker: Mesh, settings: AuthSettings, database: Database, anna: Person, told: list[str]
) -> None:
    sessions = Sessions(database, idle=DAY, longest=DAY, remembered=DAY)
    keys = SigningKeys(database)
    with Overtaken(settings, database) as passwords:
        handlers = Handlers(
            users=Users(database),
            sessions=sessions,
            signing_keys=keys,
            audit=Audit(database),
            passwords=passwords,
            throttle=Throttle(settings, Throttles(database)),
            revocation=Revocation(sessions, worker.connect("auth")),
            signer=Signer(settings, keys),
            access_tokens=AccessTokens(settings),
            refresh_tokens=RefreshTokens(bytes(32)),
        )
        with pytest.raises(Unauthenticated, match="the e-mail address or the password is wrong"):
            await handlers.login(Login(email=anna.user.email, password=PASSWORD))
    [alive] = await database["sessions"].find({"revoked_at": {"$exists": False}}).to_list()
    assert anna.session_id == alive["_id"]
    await asyncio.sleep(0)
    assert 1 == len(told)
