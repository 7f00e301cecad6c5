import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from auth_svc.repository import (
    Account,
    Attempt,
    Audit,
    Holder,
    Limit,
    MailedTokens,
    MailRequest,
    MailRequests,
    NewToken,
    SealedKey,
    Session,
    Sessions,
    SigningKeys,
    Throttles,
    UserFilter,
    Users,
    ensure_indexes,
)
from contracts.auth import AuditAction, Jwk, User
from contracts.auth_audit import ListAudit
from contracts.auth_mail import TokenPurpose
from mesh.core.context import Context, working_on
from mesh.core.errors import TimedOut, Unavailable
from providers.mongo.database import DRIVER, Database

NOW = datetime(2026, 1, 2, tzinfo=UTC)
USER = User(user_id="u1", email="a@mesh.test", roles=(), created_at=NOW)
LIMIT = Limit("account:a", 5, 60)
RESET = TokenPurpose.PASSWORD_RESET
ANYTHING = {
    "user": USER,
    "account": Account(USER, "hash"),
    "candidate": SealedKey(Jwk(kid="k", x="x"), b"sealed"),
    "session": Session("s1", "u1", b"seed", 0, NOW, NOW),
    "action": AuditAction.LOGGED_IN,
    "changes": {"disabled": True},
    "entries": [{"_id": "e1"}],
    "lead": timedelta(seconds=1),
    "longest_token": timedelta(seconds=1),
    "longest": 900,
    "attempts": [Attempt(LIMIT)],
    "limit": 50,
    "Throttles.attempt.limit": LIMIT,
    "cursor": None,
    "which": UserFilter(),
    "Audit.list.request": ListAudit(),
    "MailRequests.remove.request": MailRequest("t1", RESET, ["a@mesh.test"], NOW),
    "purpose": RESET,
    "emails": ["a@mesh.test"],
    "token": NewToken("t1", RESET, "digest", NOW, NOW),
    "holder": Holder(Account(USER, "hash"), {"id": "t1"}),
    "prepare": None,
}
REPOSITORIES: dict[str, Callable[[Database], Any]] = {
    "Users": Users,
    "Sessions": partial(Sessions, idle=timedelta(1), longest=timedelta(1), remembered=timedelta(1)),
    "SigningKeys": SigningKeys,
    "Throttles": Throttles,
    "Audit": Audit,
    "MailedTokens": partial(MailedTokens, wrote_event=lambda: None),
    "MailRequests": MailRequests,
}
OPERATIONS = [
    operation
    for repository in (Users, Sessions, SigningKeys, Throttles, Audit, MailedTokens, MailRequests)
    for name, operation in inspect.getmembers(repository, inspect.iscoroutinefunction)
    if not name.startswith("_")
]


def anything(operation: Callable[..., Awaitable[Any]], name: str) -> object:
    return ANYTHING.get(f"{operation.__qualname__}.{name}", ANYTHING.get(name, "text"))


@pytest.fixture(params=["nobody listens", "nobody answers"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database that cannot be had: its port is closed, or its server is frozen."""
    hung: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: hung.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if request.param == "nobody listens":
        server.close()
        await server.wait_closed()
    client = DRIVER(f"mongodb://127.0.0.1:{port}", timeoutMS=50, serverSelectionTimeoutMS=50, connectTimeoutMS=50)
    yield client.get_default_database("auth")
    client.close()  # type: ignore[unused-coroutine]  # Motor closes at once
    for writer in hung:
        writer.close()
    server.close()


def reason(outcome: object) -> object:
    """The reason of a refusal, or whatever else an operation came to."""
    return outcome.reason if isinstance(outcome, Unavailable) else outcome


async def test_every_operation_says_that_the_database_is_unavailable(database: Database) -> None:
    """All are asked at once: the driver takes half a second to give up."""

    async def outcome(operation: Callable[..., Awaitable[Any]]) -> object:
        repository = REPOSITORIES[operation.__qualname__.split(".")[0]](database)
        wanted = list(inspect.signature(operation).parameters)[1:]
        return await operation(repository, **{name: anything(operation, name) for name in wanted})

    found = await asyncio.gather(*map(outcome, OPERATIONS), return_exceptions=True)
    assert {one.__qualname__: "database_unavailable" for one in OPERATIONS} == {
        operation.__qualname__: reason(one) for operation, one in zip(OPERATIONS, found, strict=True)
    }


async def test_what_the_deadline_ends_is_told_as_that(database: Database) -> None:
    deadline = asyncio.get_running_loop().time() + 0.02
    with working_on(Context("r1", deadline)), pytest.raises(TimedOut) as refusal:
        await Users(database).find("u1")
    assert "deadline_exceeded" == refusal.value.reason


async def test_the_indexes_too(database: Database) -> None:
    with pytest.raises(Unavailable):
        await ensure_indexes(database)
