"""What is refused has no effect, however two who get in each other's way take turns."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from auth_svc.administration import Administration
from auth_svc.handlers import Handlers
from auth_svc.own_account import OwnAccount
from auth_svc.passwords import Passwords
from auth_svc.repository import Account, Audit, Session, Sessions, SigningKeys, Throttles, Users
from auth_svc.revocation import Revocation
from auth_svc.settings import AuthSettings
from auth_svc.signer import Signer
from auth_svc.throttle import Throttle
from auth_svc.tokens import AccessTokens, RefreshTokens
from contracts.auth import ChangePassword, GetMe, Login, UpdateUser, User, UserPatch
from mesh.core import context
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Fault, Forbidden, Invalid, Unauthenticated, Unavailable
from mesh.transport.memory import MemoryBroker, MemoryTransport
from providers.mongo.database import Database, Document
from subjects import AUTH_ME, AUTH_USERS_UPDATE
from tests.integration.auth_svc.people import admin, patch
from tests.integration.auth_svc.small_mesh import Mesh

OLD, NEW, OTHER = "correct horse battery", "another horse battery", "a third horse battery"
DAY = timedelta(days=1)
STEPS = 4


class Turns:
    """Whose step is next, of two: whoever is not named waits. Who has ended is waited for no more."""

    def __init__(self, order: Sequence[str]) -> None:
        self._order = [*order]
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """Take a step of the current caller's when it is its turn; past the order's end, anybody may."""
        mine = context.caller().session_id
        async with self._changed:
            await self._changed.wait_for(lambda: mine not in self._order or self._order[0] == mine)
        try:
            yield
        finally:
            async with self._changed:
                if mine in self._order:
                    self._order.remove(mine)
                self._changed.notify_all()

    async def end(self, name: str) -> None:
        async with self._changed:
            self._order = [one for one in self._order if one != name]
            self._changed.notify_all()


class SteppingUsers(Users):
    turns = Turns([])

    async def begin_acting(self, user_id: str) -> str | None:
        async with self.turns.step():
            return await super().begin_acting(user_id)

    async def begin_change(self, user_id: str) -> str | None:
        async with self.turns.step():
            return await super().begin_change(user_id)

    async def change_rights(self, user: User, changes: Mapping[str, Any], entries: Sequence[Document]) -> User | None:
        async with self.turns.step():
            return await super().change_rights(user, changes, entries)

    async def find_account_of(self, user_id: str) -> Account | None:
        async with self.turns.step():
            return await super().find_account_of(user_id)

    async def begin_password_change(self, account: Account, session_id: str) -> bool:
        async with self.turns.step():
            return await super().begin_password_change(account, session_id)

    async def replace_password(
        self, account: Account, password_hash: str, session_id: str, entries: Sequence[Document]
    ) -> bool:
        async with self.turns.step():
            return await super().replace_password(account, password_hash, session_id, entries)


class SteppingSessions(Sessions):
    turns = Turns([])

    async def revoke_all(self, user_id: str, but: str | None = None) -> Sequence[str]:
        async with self.turns.step():
            return await super().revoke_all(user_id, but)


class World:
    """The endpoints, whose steps take turns."""

    def __init__(self, database: Database, settings: AuthSettings, passwords: Passwords) -> None:
        self.database = database
        self.passwords = passwords
        self.users = SteppingUsers(database)
        self.sessions = SteppingSessions(database, idle=DAY, longest=DAY, remembered=DAY)
        self.audit = Audit(database)
        self.revocation = Revocation(self.sessions, MemoryTransport(MemoryBroker(), "auth"))
        self.signer = Signer(settings, SigningKeys(database))
        self.throttle = Throttle(settings, Throttles(database))
        self.administration = Administration(
            users=self.users, audit=self.audit, revocation=self.revocation, signer=self.signer
        )
        self.own_account = OwnAccount(
            users=self.users,
            sessions=self.sessions,
            audit=self.audit,
            passwords=passwords,
            throttle=self.throttle,
            revocation=self.revocation,
        )

    def turns(self, order: Sequence[str]) -> None:
        self.users.turns = self.sessions.turns = Turns(order)

    async def take_turns(self, order: Sequence[str]) -> None:
        """Begin anew with nobody, and nothing throttled."""
        for collection in ("users", "sessions", "throttles"):
            await self.database[collection].delete_many({})
        self.turns(order)

    async def depose(self, actor: User, name: str, subject: User, change: Mapping[str, Any]) -> Fault | None:
        """What the actor hears instead of an answer."""
        request = UpdateUser(user_id=subject.user_id, patch=UserPatch(**change))
        return await self._refusal(actor, name, self.administration.update_user(request))

    async def change_password(self, user: User, session: Session, new: str) -> Fault | None:
        """What the session hears instead of an answer."""
        request = ChangePassword(current_password=OLD, new_password=new)
        return await self._refusal(user, session.session_id, self.own_account.change_password(request))

    async def _refusal(self, user: User, session_id: str, answer: Awaitable[object]) -> Fault | None:
        turns = self.users.turns
        with working_on(Context("r1", float("inf"), caller=Caller(user.user_id, session_id, frozenset(user.roles)))):
            try:
                await answer
            except (Forbidden, Invalid, Unavailable) as refusal:
                return refusal
            finally:
                await turns.end(session_id)
        return None

    async def alive(self, user: User) -> set[str]:
        return {session.session_id for session in await self.sessions.list(user.user_id, current="")}


@pytest.fixture
def world(database: Database, settings: AuthSettings) -> Iterator[World]:
    with Passwords(settings) as passwords:
        yield World(database, settings, passwords)


def orders(one: str, other: str, steps: int = STEPS) -> list[list[str]]:
    """Every way in which the first steps of two can come one after the other."""
    places = combinations(range(2 * steps), steps)
    return [[one if place in ours else other for place in range(2 * steps)] for ours in places]


@pytest.mark.parametrize("change", [{"roles": ("USER",)}, {"disabled": True}])
async def test_of_two_who_depose_each_other_one_goes_on_and_a_refusal_ends_nothing(
    world: World, change: dict[str, Any]
) -> None:
    outcomes = set()
    for order in orders("s1", "s2"):
        await world.take_turns(order)
        first, second = [await world.users.create(f"{name}@mesh.test", "hash", "ADMIN") for name in ("a", "b")]
        sessions = {user.user_id: await world.sessions.create(user.user_id, None) for user in (first, second)}

        refusals = await asyncio.gather(
            world.depose(first, "s1", second, change), world.depose(second, "s2", first, change)
        )

        for refusal, subject in zip(refusals, (second, first), strict=True):
            is_changed = await world.users.get(subject.user_id) != subject
            alive = await world.alive(subject) == {sessions[subject.user_id].session_id}
            assert (refusal is None, refusal is not None) == (is_changed, alive), order
        assert any(refusals), order
        assert [[], []] == [one.get("changing", []) async for one in world.database["users"].find()], order
        outcomes.add(tuple(refusal and refusal.reason for refusal in refusals))
    assert {(None, "rights_in_use"), ("rights_in_use", None)} < outcomes


async def test_of_two_sessions_that_change_the_password_one_goes_on_and_a_refusal_ends_nothing(world: World) -> None:
    stored = await world.passwords.hash(OLD)
    for order in orders("one", "other", 3):
        await world.take_turns([])
        anna = await world.users.create("anna@mesh.test", stored, "USER")
        one, other = [await world.sessions.create(anna.user_id, None) for _ in range(2)]
        names = {"one": one.session_id, "other": other.session_id}
        world.turns([names[name] for name in order])

        refusals = await asyncio.gather(
            world.change_password(anna, one, NEW), world.change_password(anna, other, OTHER)
        )

        assert 1 == refusals.count(None), order
        winner, password = ((one, NEW), (other, OTHER))[refusals.index(None)]
        assert {winner.session_id} == await world.alive(anna), order
        world.turns([])
        account = await Users(world.database).find_account_of(anna.user_id)
        assert account
        assert await world.passwords.matches(password, account.password_hash), order


async def test_a_change_that_its_process_left_unfinished_holds_up_other_sessions_alone(world: World) -> None:
    await world.take_turns([])
    anna = await world.users.create("anna@mesh.test", await world.passwords.hash(OLD), "USER")
    mine, other = [await world.sessions.create(anna.user_id, None) for _ in range(2)]
    account = await Users(world.database).find_account_of(anna.user_id)
    assert account
    assert await Users(world.database).begin_password_change(account, mine.session_id)
    for _ in range(7):  # more than may be guessed: none of them was wrong
        refusal = await world.change_password(anna, other, NEW)
        assert refusal
        assert "password_change_in_progress" == refusal.reason
    assert {mine.session_id, other.session_id} == await world.alive(anna)
    assert await world.change_password(anna, mine, NEW) is None
    assert {mine.session_id} == await world.alive(anna)


async def test_two_administrators_who_depose_each_other_over_and_over_are_never_both_out(
    worker: Mesh, database: Database
) -> None:
    first, second = await admin(worker, database, "first"), await admin(worker, database, "second")
    for _ in range(30):
        await database["users"].update_many({}, {"$set": {"roles": ["ADMIN"]}})
        first, second = await first.again(worker), await second.again(worker)
        await asyncio.gather(
            worker.call(AUTH_USERS_UPDATE, patch(second, roles=["USER"]), first.access),
            worker.call(AUTH_USERS_UPDATE, patch(first, roles=["USER"]), second.access),
            return_exceptions=True,
        )
        asked = [worker.call(AUTH_ME, GetMe(), one.access) for one in (first, second)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert any(isinstance(answer, User) and "ADMIN" in answer.roles for answer in answers)
        await database["throttles"].delete_many({})


class Overtaken(Users):
    """The account changes right after its password was checked."""

    async def find_account_of(self, user_id: str) -> Account | None:
        account = await super().find_account_of(user_id)
        return account and Account(account.user, "another one")


async def test_a_login_that_is_refused_does_not_end_the_oldest_session(
    world: World, database: Database, settings: AuthSettings
) -> None:
    await world.take_turns([])
    anna = await world.users.create("anna@mesh.test", await world.passwords.hash(OLD), "USER")
    before = {(await world.sessions.create(anna.user_id, None)).session_id for _ in range(50)}
    handlers = Handlers(
        users=Overtaken(database),
        sessions=world.sessions,
        signing_keys=SigningKeys(database),
        audit=world.audit,
        passwords=world.passwords,
        throttle=world.throttle,
        revocation=world.revocation,
        signer=world.signer,
        access_tokens=AccessTokens(settings),
        refresh_tokens=RefreshTokens(bytes(32)),
    )
    with pytest.raises(Unauthenticated):
        await handlers.login(Login(email="anna@mesh.test", password=OLD))
    assert before == await world.alive(anna)
