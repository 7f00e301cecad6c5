"""What stops in the middle: the repeat finishes it, and nobody goes on with what was taken from them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth_svc.administration import Administration
from auth_svc.handlers import Handlers
from auth_svc.own_account import OwnAccount
from auth_svc.passwords import Passwords
from auth_svc.repository import (
    Account,
    Audit,
    Sessions,
    SigningKeys,
    Throttles,
    UserFilter,
    Users,
    audit_entry,
    ensure_indexes,
)
from auth_svc.revocation import Revocation
from auth_svc.settings import AuthSettings
from auth_svc.signer import Signer
from auth_svc.throttle import Throttle
from auth_svc.tokens import AccessTokens, RefreshTokens
from contracts.auth import AuditAction, ChangePassword, Register, UpdateUser, User, UserPatch
from contracts.auth_audit import ListAudit
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Forbidden, Invalid, Unavailable
from mesh.service.faults import database_unavailable
from mesh.transport.memory import MemoryBroker, MemoryTransport
from providers.mongo.database import Database, Document
from tests.integration.auth_svc.small_mesh import Documents

OLD, NEW = "correct horse battery", "another horse battery"
DAY = timedelta(days=1)
STEPS = ("sessions before", "change", "sessions after", "log", "outbox", None)


class Fault:
    """The database is away when this step is about to be taken for the first time."""

    def __init__(self, step: str | None) -> None:
        self._step = step

    def at(self, step: str) -> None:
        if step == self._step:
            self._step = None
            raise database_unavailable("the database does not answer at the moment")


class FaultySessions(Sessions):
    def __init__(self, database: Database, fault: Fault) -> None:
        super().__init__(database, idle=DAY, longest=DAY, remembered=DAY)
        self.changed = False
        self._fault = fault

    async def revoke_all(self, user_id: str, but: str | None = None) -> Sequence[str]:
        self._fault.at("sessions after" if self.changed else "sessions before")
        return await super().revoke_all(user_id, but)


class FaultyAudit(Audit):
    def __init__(self, database: Database, fault: Fault) -> None:
        super().__init__(database)
        self._fault = fault

    async def keep(self, entries: Iterable[Document]) -> None:
        self._fault.at("log")
        await super().keep(entries)


class FaultyUsers(Users):
    """Somebody logs in right before each change: the sessions that ended before it are not all."""

    def __init__(self, database: Database, fault: Fault, sessions: FaultySessions) -> None:
        super().__init__(database)
        self._fault = fault
        self._sessions = sessions

    async def replace_password(
        self, account: Account, password_hash: str, session_id: str, entries: Sequence[Document]
    ) -> bool:
        await self._overtaken(account.user)
        return await super().replace_password(account, password_hash, session_id, entries)

    async def change_rights(self, user: User, changes: Mapping[str, Any], entries: Sequence[Document]) -> User | None:
        await self._overtaken(user)
        return await super().change_rights(user, changes, entries)

    async def clear_outbox(self, user_id: str, entries: Sequence[Document]) -> None:
        self._fault.at("outbox")
        await super().clear_outbox(user_id, entries)

    async def _overtaken(self, user: User) -> None:
        self._fault.at("change")
        await self._sessions.create(user.user_id, None)
        self._sessions.changed = True


class World:
    """The endpoints on a database where something fails."""

    def __init__(self, database: Database, settings: AuthSettings, passwords: Passwords, step: str | None) -> None:
        self.database = database
        self.passwords = passwords
        fault = Fault(step)
        self.sessions = FaultySessions(database, fault)
        self.users = FaultyUsers(database, fault, self.sessions)
        audit = FaultyAudit(database, fault)
        revocation = Revocation(self.sessions, MemoryTransport(MemoryBroker(), "auth"))
        signer = Signer(settings, SigningKeys(database))
        throttle = Throttle(settings, Throttles(database))
        self.administration = Administration(users=self.users, audit=audit, revocation=revocation, signer=signer)
        self.own_account = OwnAccount(
            users=self.users,
            sessions=self.sessions,
            audit=audit,
            passwords=passwords,
            throttle=throttle,
            revocation=revocation,
        )
        self.handlers = Handlers(
            users=self.users,
            sessions=self.sessions,
            signing_keys=SigningKeys(database),
            audit=audit,
            passwords=passwords,
            throttle=throttle,
            revocation=revocation,
            signer=signer,
            access_tokens=AccessTokens(settings),
            refresh_tokens=RefreshTokens(bytes(32)),
        )

    async def person(self, name: str, role: str = "USER") -> User:
        users = Users(self.database)
        user = await users.create(f"{name}@mesh.test", await self.passwords.hash(OLD), role)
        await users.clear_outbox(user.user_id, await users.outbox(user.user_id))
        return user

    async def alive(self, user: User) -> list[str]:
        return [session.session_id for session in await self.sessions.list(user.user_id, current="")]

    async def logged(self) -> list[tuple[str, str | None]]:
        return [(entry["action"], entry["detail"]) for entry in await self.database["audit"].find().to_list()]


@pytest.fixture(params=STEPS)
def world(request: pytest.FixtureRequest, database: Database, settings: AuthSettings) -> Iterator[World]:
    with Passwords(settings) as passwords:
        yield World(database, settings, passwords, request.param)


def speaking_for(user: User, session_id: str = "s") -> AbstractContextManager[None]:
    return working_on(Context("r1", float("inf"), caller=Caller(user.user_id, session_id, frozenset(user.roles))))


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({"roles": ("USER",)}, ("roles_changed", "ADMIN -> USER")),
        ({"disabled": True}, ("disabled", None)),
    ],
)
async def test_rights_that_are_taken_by_halves_are_taken_by_the_repeat(
    world: World, changes: dict[str, Any], entry: tuple[str, str | None]
) -> None:
    boss, anna = await world.person("boss", "ADMIN"), await world.person("anna", "ADMIN")
    before = await world.sessions.create(anna.user_id, None)
    update = UpdateUser(user_id=anna.user_id, patch=UserPatch(**changes))
    with speaking_for(boss):
        try:
            await world.administration.update_user(update)
        except Unavailable:
            if await world.users.get(anna.user_id) != anna:
                assert entry in [(one["action"], one["detail"]) for one in await world.users.outbox()]
                assert before.session_id not in await world.alive(anna)
        after = await world.administration.update_user(update)
    assert anna.model_copy(update=changes) == after == await world.users.get(anna.user_id)
    assert [] == await world.alive(anna)
    assert [entry] == await world.logged()
    assert [] == await world.users.outbox()
    await world.sessions.create(anna.user_id, None)
    with speaking_for(boss):
        await world.administration.update_user(update)
    assert 1 == len(await world.alive(anna)), "what changes nothing ends nothing"
    assert [entry] == await world.logged()


async def test_a_password_that_is_changed_by_halves_is_changed_by_the_repeat(world: World) -> None:
    anna = await world.person("anna")
    mine, thief = [await world.sessions.create(anna.user_id, None) for _ in range(2)]
    stored = await world.users.find_account_of(anna.user_id)
    change = ChangePassword(current_password=OLD, new_password=NEW)
    with speaking_for(anna, mine.session_id):
        try:
            await world.own_account.change_password(change)
        except Unavailable:
            if await world.users.find_account_of(anna.user_id) != stored:
                assert thief.session_id not in await world.alive(anna)
        await world.own_account.change_password(change)
        with pytest.raises(Invalid):
            await world.own_account.change_password(ChangePassword(current_password=OLD, new_password=NEW + "!"))
    assert [mine.session_id] == await world.alive(anna)
    assert [("password_changed", None), ("password_change_failed", None)] == await world.logged()
    account = await world.users.find_account_of(anna.user_id)
    assert account
    assert await world.passwords.matches(NEW, account.password_hash)


@pytest.mark.parametrize("world", ["log", "outbox", None], indirect=True)
async def test_a_registration_by_halves_is_logged_once_and_nothing_else_is_finished_by_its_repeat(world: World) -> None:
    await ensure_indexes(world.database)
    register = Register(email="anna@mesh.test", password=OLD)
    with working_on(Context("r1", float("inf"), idempotency_key="k")):
        with suppress(Unavailable):
            await world.handlers.register(register)
        [anna] = (await world.users.list(UserFilter("anna@mesh.test"), cursor=None, limit=1)).items
        disabled = audit_entry(AuditAction.DISABLED, anna.user_id, actor_id="boss")
        await world.users.change_rights(anna, {"disabled": True}, [disabled])
        assert anna == await world.handlers.register(register)
    assert [("registered", None)] == await world.logged()
    assert [disabled] == await world.users.outbox()


@pytest.mark.parametrize("world", ["log"], indirect=True)
async def test_a_registration_that_nobody_finished_is_in_the_log_all_the_same(world: World) -> None:
    with pytest.raises(Unavailable):
        await world.handlers.register(Register(email="anna@mesh.test", password=OLD))
    [entry] = (await world.administration.list_audit(ListAudit())).items
    assert (AuditAction.REGISTERED, entry.subject_id) == (entry.action, entry.actor_id)


@pytest.mark.parametrize("world", ["sessions after"], indirect=True)
async def test_a_change_that_nobody_finished_is_in_the_log_all_the_same(world: World) -> None:
    boss, anna = await world.person("boss", "ADMIN"), await world.person("anna")
    update = UpdateUser(user_id=anna.user_id, patch=UserPatch(disabled=True))
    with speaking_for(boss):
        with pytest.raises(Unavailable):
            await world.administration.update_user(update)
        for _ in range(2):
            page = await world.administration.list_audit(ListAudit())
            assert [(AuditAction.DISABLED, boss.user_id, anna.user_id)] == [
                (entry.action, entry.actor_id, entry.subject_id) for entry in page.items
            ]
        await world.administration.update_user(update)
    assert [("disabled", None)] == await world.logged()
    assert [] == await world.alive(anna)


@pytest.mark.parametrize("world", [None], indirect=True)
async def test_whoever_has_no_longer_the_role_changes_nothing(world: World) -> None:
    deposed, anna = await world.person("deposed"), await world.person("anna")
    update = UpdateUser(user_id=anna.user_id, patch=UserPatch(roles=("USER", "ADMIN")))
    with speaking_for(deposed), pytest.raises(Forbidden, match="the role ADMIN is required"):
        await world.administration.update_user(update)
    assert anna == await world.users.get(anna.user_id)
    assert [("rights_change_refused", "role_required")] == await world.logged()


@pytest.mark.parametrize("world", [None], indirect=True)
async def test_of_two_who_depose_each_other_one_waits_for_what_the_other_has_begun(
    world: World, database: Database
) -> None:
    first, second = await world.person("first", "ADMIN"), await world.person("second", "ADMIN")
    act = await world.users.begin_acting(first.user_id)  # and has not come further, nor tells that it never will
    depose = UpdateUser(user_id=first.user_id, patch=UserPatch(roles=("USER",)))
    with speaking_for(second):
        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                await world.administration.update_user(depose)
            assert "rights_in_use" == refused.value.reason
        assert first == await world.users.get(first.user_id)
        past = {"$set": {"acting.$[].until": datetime(2026, 1, 1, tzinfo=UTC)}}
        await database["users"].update_one({"_id": first.user_id, "acting.id": act}, past)
        assert ("USER",) == (await world.administration.update_user(depose)).roles
    assert None is await world.users.begin_acting(first.user_id), "who has lost the role begins nothing"
    assert [[]] == [user["acting"] async for user in database["users"].find({"_id": second.user_id})]


@pytest.mark.parametrize("world", [None], indirect=True)
async def test_a_change_of_ones_own_rights_is_refused_and_logged(world: World, documents: Documents) -> None:
    boss = await world.person("boss", "ADMIN")
    with speaking_for(boss), pytest.raises(Forbidden):
        await world.administration.update_user(UpdateUser(user_id=boss.user_id, patch=UserPatch(roles=("USER",))))
    [entry] = await documents("audit")
    assert ("rights_change_refused", boss.user_id, boss.user_id, "own_account") == tuple(
        entry[name] for name in ("action", "actor_id", "subject_id", "detail")
    )
