"""A database that has everybody wait: each call ends with one refusal that says why, and the load stays what it was."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from httpx2 import AsyncClient, Response

from ops.process import ServerName
from tests.faults.single import EMAIL, PASSWORD, Single, single
from tests.support.http.people import log_in
from tests.support.http.problems import problem
from tests.support.servers.frozen import frozen
from tests.support.waiting import until

DEADLINE = 5.0
"""Seconds that every endpoint here has: what is refused later than that was not refused, but given up."""


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Single]:
    async with single(tmp_path_factory.mktemp("slow")) as mesh:
        yield mesh


@pytest.fixture(scope="module")
async def http(mesh: Single) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=mesh.url, timeout=20) as client:
        tokens = await log_in(client, EMAIL, PASSWORD)
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield client


def counting(log: Path, words: str) -> Callable[[], int]:
    """How often the words have come into a log since now."""
    before = log.read_text().count(words)
    return lambda: log.read_text().count(words) - before


def statements(mesh: Single) -> Callable[[], int]:
    """How many statements PostgreSQL has given up since now because of a lock."""
    return counting(mesh.servers.home.logs / "postgres.log", "canceling statement due to lock timeout")


async def answered(mesh: Single, subject: str, answers: Sequence[tuple[Response, float]]) -> int:
    """How many requests the worker has answered for these answers. It logs each after it has replied."""
    log = mesh.servers.home.logs / f"{subject.partition('.')[0]}.log"
    ids = {answer.headers["x-request-id"] for answer, _ in answers}

    def lines() -> list[str]:
        return [line for line in log.read_text().splitlines() if f'"{subject}"' in line]

    await until(lambda: all(any(asked in line for line in lines()) for asked in ids))
    return sum(any(asked in line for asked in ids) for line in lines())


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[None]:
    """Have another session lock the table."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def timed(http: AsyncClient, paths: Sequence[str]) -> list[tuple[Response, float]]:
    """The answers, and the seconds that each took."""

    async def one(path: str) -> tuple[Response, float]:
        began = time.monotonic()
        return await http.get(path), time.monotonic() - began

    return await asyncio.gather(*map(one, paths))


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("/v1/customers/ALFKI", "customers"),
        ("/v1/customers?limit=3", "customers"),
        ("/v1/products/1", "products"),
        ("/v1/suppliers/1", "suppliers"),
    ],
)
async def test_a_locked_table_is_one_refusal_after_the_wait_for_the_lock(
    mesh: Single, http: AsyncClient, path: str, table: str
) -> None:
    assert 200 == (await http.get(path)).status_code
    given_up = statements(mesh)
    async with locked(mesh.servers.urls["customers"] if table == "customers" else mesh.servers.urls["products"], table):
        [(answer, seconds)] = await timed(http, [path])
        told = problem(answer, 503, "database_unavailable")
        assert 1 == given_up()
    assert told.retryable
    assert 1.9 < seconds < DEADLINE
    assert 200 == (await http.get(path)).status_code


async def test_many_callers_of_a_locked_table_are_no_more_statements_than_callers(
    mesh: Single, http: AsyncClient
) -> None:
    paths = [f"/v1/products?limit={limit}" for limit in range(1, 41)]
    given_up = statements(mesh)
    async with locked(mesh.servers.urls["products"], "products"):
        answers = await timed(http, paths)
    for answer, seconds in answers:
        problem(answer, 503, "database_unavailable")
        assert seconds < DEADLINE
    assert len(paths) == await answered(mesh, "products.list", answers)
    assert 0 < given_up() <= len(paths)


@pytest.mark.parametrize(
    ("server", "path", "subject"),
    [
        ("mongo", "/v1/auth/me", "auth.me"),
        ("mongo", "/v1/auth/sessions", "auth.sessions.list"),
        ("postgres", "/v1/customers/BONAP", "customers.get"),
    ],
)
async def test_a_frozen_database_is_one_refusal_in_time(
    mesh: Single, http: AsyncClient, server: ServerName, path: str, subject: str
) -> None:
    while not (await http.get(path)).is_success:  # the driver may not know yet that the last freeze is over
        await asyncio.sleep(0.05)
    with frozen(mesh.servers, server):
        answers = await timed(http, [path] * 5)
    for answer, seconds in answers:
        problem(answer, 503, "database_unavailable")
        assert 1 < seconds < DEADLINE
    assert 5 == await answered(mesh, subject, answers)
