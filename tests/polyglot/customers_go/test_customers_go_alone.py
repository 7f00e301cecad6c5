"""The customers worker in Go, alone: it passes what the worker in Python has to pass."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from conform.golden import differences
from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from mesh.wire.names import ERROR_CODE
from tests.support.command import MESH
from tests.support.contract import golden
from tests.support.contract.callers import Wire
from tests.support.contract.givens import MARK, free_key
from tests.support.customers_go import FOLDER, REPLACED, WITHIN, go, go_worker, instances, served
from tests.support.paths import ROOT
from tests.support.polyglot import PATH, needs_go, needs_go_workers

pytestmark = needs_go_workers
LIST = b'{"limit":200}'
RELAYS = 0x6F757462
"""The first number of the locks by which relays claim the events of an aggregate."""


def test_its_own_tests_pass() -> None:
    go("vet", "./...")
    go("test", "./...")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("suites", "of_customers"),
    [
        (["contract/test_golden.py", "contract/test_every_subject.py"], "customers."),
        (["e2e/http/test_customers.py", "e2e/http/test_lists.py"], "customers"),
    ],
    ids=["contract", "e2e"],
)
def test_it_passes_what_the_one_in_python_passes(customers_go: Path, suites: list[str], of_customers: str) -> None:
    paths = [str(ROOT / "tests" / suite) for suite in suites]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", of_customers, *paths]
    environment = {**os.environ, REPLACED: str(customers_go)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=WITHIN
    )
    assert 0 == done.returncode, done.stdout
    assert " passed" in done.stdout.splitlines()[-1]
    assert "failed" not in done.stdout.splitlines()[-1]


@needs_go
def test_its_types_are_those_of_the_contracts(tmp_path: Path) -> None:
    command = [MESH, "contracts", "generate", "go", str(tmp_path), "--json"]
    told = subprocess.check_output(command, env={**os.environ, "PATH": PATH}, timeout=60)
    assert {*json.loads(told)["written"]} == {*map(str, tmp_path.iterdir())}
    for name in ("contracts.go", "subjects.go"):
        assert (tmp_path / name).read_text() == (FOLDER / "contracts" / name).read_text()


def test_its_schemas_are_those_of_the_contracts() -> None:
    exported = ROOT / "docs" / "contracts" / "schemas.json"
    assert exported.read_bytes() == (FOLDER / "mesh" / "schemas.json").read_bytes()


async def test_a_worker_that_ends_under_load_answers_all_that_it_took(
    stack: Stack, customers_go: Path, wire: Wire, operator: NatsTransport
) -> None:
    done = asyncio.Event()
    replies: list[Message] = []

    async def ask() -> None:
        while not done.is_set():
            replies.append(await wire.send("customers.list", LIST))

    async with go_worker(stack, customers_go) as second:
        await second.said("service_ready")
        asking = [asyncio.create_task(ask()) for _ in range(16)]
        await until_served(operator, 2)
        assert 0 == await second.end(signal.SIGTERM)
        done.set()
        await asyncio.gather(*asking)

    assert [] == [reply.payload for reply in replies if ERROR_CODE in reply.headers]


async def test_what_finds_no_room_is_refused_at_once(stack: Stack, customers_go: Path, wire: Wire) -> None:
    async with go_worker(stack, customers_go, MESH_CONCURRENCY="1", MESH_QUEUE_SIZE="0") as small:
        await small.said("service_ready")
        replies = await asyncio.gather(*(wire.send("customers.list", LIST) for _ in range(200)))

    refused = [json.loads(reply.payload) for reply in replies if ERROR_CODE in reply.headers]
    assert {("overloaded", "queue_full")} == {(problem["code"], problem["reason"]) for problem in refused}
    assert len(refused) < len(replies)


async def test_it_steps_back_while_the_database_is_away(stack: Stack, wire: Wire, operator: NatsTransport) -> None:
    await until_serving(operator, ready=True)
    stack.freeze("postgres")
    try:
        reply = await wire.send("customers.list", LIST)
        await until_serving(operator, ready=False)
    finally:
        stack.thaw("postgres")
    await until_serving(operator, ready=True)

    assert "database_unavailable" == json.loads(reply.payload)["reason"]
    assert ERROR_CODE not in (await wire.send("customers.list", LIST)).headers


async def test_a_change_is_announced_like_every_event(
    stack: Stack, wire: Wire, admin_token: str, operator: NatsTransport
) -> None:
    key, trace = free_key(), f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    body = json.dumps({"customer_id": key, "company_name": MARK}).encode()
    database = await asyncpg.connect(stack.state.databases["customers"])
    try:
        published = await count_published(operator)
        await database.execute("SELECT pg_advisory_lock($1, hashtext($2))", RELAYS, key)  # no relay may claim it
        reply = await wire.send("customers.create", body, admin_token, traceparent=trace)
        assert ERROR_CODE not in reply.headers
        row = await database.fetchrow("SELECT subject, headers, body FROM outbox WHERE aggregate = $1", key)
        await database.execute("SELECT pg_advisory_unlock($1, hashtext($2))", RELAYS, key)
        while await count_published(operator) == published:
            await asyncio.sleep(0.01)
        assert not await database.fetchval("SELECT count(*) FROM outbox")
    finally:
        await database.close()

    assert row
    example = golden.event_examples()[row["subject"]]
    expected = {**example.headers, "ce-subject": key, "traceparent": trace}
    assert [] == differences(expected, json.loads(row["headers"]), "headers")
    assert {"customer_id": key, "version": 1} == json.loads(row["body"])


async def test_who_repeats_a_running_request_waits_first(stack: Stack, wire: Wire, admin_token: str) -> None:
    scope = f"customers.create {(await wire.ask('auth.me', admin_token))['user_id']}"
    body = json.dumps({"customer_id": free_key(), "company_name": MARK}).encode()
    database = await asyncpg.connect(stack.state.databases["customers"])
    try:
        running = database.transaction()
        await running.start()
        await database.execute("INSERT INTO idempotency_keys (scope, key, digest) VALUES ($1, 'k', '')", scope)
        waited = await wire.send("customers.create", body, admin_token, Idempotency_Key="k")
        in_time = await wire.send("customers.create", body, admin_token, Idempotency_Key="k", Request_Timeout="200")
        await running.rollback()
    finally:
        await database.close()
    done = await wire.send("customers.create", body, admin_token, Idempotency_Key="k")

    reasons = [json.loads(reply.payload)["reason"] for reply in (waited, in_time)]
    assert ["request_in_progress", "deadline_exceeded"] == reasons
    assert ERROR_CODE not in done.headers, done.payload


async def test_a_user_whom_nats_refuses_the_queue_group_ends(stack: Stack, customers_go: Path, tmp_path: Path) -> None:
    seed = tmp_path / "products.nk"
    seed.write_text(load_credentials(stack.state.home).nats["products"])
    async with go_worker(stack, customers_go, NATS_NKEY_SEED_FILE=str(seed)) as refused:
        assert 1 == await refused.wait()
        assert "refuses a subscription" in (await refused.said("service_failed"))["error"]


async def count_published(operator: NatsTransport) -> int:
    """How many events the one instance has sent."""
    [document] = await instances(operator, "STATS", 1)
    published: int = (document.model_extra or {})["data"]["events"]["published"]
    return published


async def until_served(operator: NatsTransport, count: int) -> None:
    """Wait until so many instances have served a request each."""
    while count != sum(served(one) > 0 for one in await instances(operator, "STATS", count)):
        await asyncio.sleep(0.05)


async def until_serving(operator: NatsTransport, *, ready: bool) -> None:
    """Wait until the one instance says so."""
    while [ready] != [one.ready for one in await instances(operator, "PING", 1)]:
        await asyncio.sleep(0.05)
