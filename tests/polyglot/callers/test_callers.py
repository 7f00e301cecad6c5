"""Programs in other languages read a customer, meet a problem as an error, and change one field and no other."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.transport.base import Message
from ops.nkeys import new_seed
from tests.support.contract.givens import free_key
from tests.support.polyglot import JAVA, attempt, go, needs_go, needs_java, needs_node, run, typescript
from tests.support.servers.nats_server import NatsServer

pytestmark = pytest.mark.timeout(600)  # compilers on a machine that does much else
Command = tuple[str, ...]
"""A program and its first arguments."""


def in_go(folder: Path) -> Command:
    run(go("go", folder), "go", "build", "-o", "call", "./caller")
    return (str(folder / "call"),)


def in_java(_: Path) -> Command:
    return "java", "-cp", f"{JAVA}/target/classes:{JAVA}/target/lib/*", "Caller"


def in_nestjs(folder: Path) -> Command:
    return "node", str(typescript("nestjs", folder, "contracts") / "dist" / "main.js")


def with_nats_js(folder: Path) -> Command:
    return "node", str(typescript("typescript", folder) / "dist" / "caller.js")


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(in_go, marks=needs_go, id="Go"),
        pytest.param(in_java, marks=needs_java, id="Java"),
        pytest.param(in_nestjs, marks=needs_node, id="NestJS"),
        pytest.param(with_nats_js, marks=needs_node, id="nats.js"),
    ],
)
async def test_a_caller_changes_one_field_and_erases_nothing(
    build: Callable[[Path], Command], stack: Stack, http: AsyncClient, admin: dict[str, str], tmp_path: Path
) -> None:
    before = await customer(http, admin)
    city, unknown = f"City {free_key()}", free_key()
    (tmp_path / "program").mkdir()
    command = await asyncio.to_thread(build, tmp_path / "program")
    seed = load_credentials(stack.state.home).nats["gateway"]
    environment = told(tmp_path, stack.state.nats_url, "gateway", seed)
    environment["MESH_TOKEN"] = admin["Authorization"].removeprefix("Bearer ")

    printed = await asyncio.to_thread(run, tmp_path, *command, "ALFKI", unknown, city, **environment)

    read, problem, changed = map(timed, printed.splitlines())
    assert before.items() <= read.items()
    assert ("customer_not_found", f"there is no customer {unknown}") == (problem["reason"], problem["detail"])
    change = {"city": city, "version": before["version"] + 1, "updated_at": changed["updated_at"]}
    assert {**read, **change} == changed
    assert read["updated_at"] < changed["updated_at"]
    assert {**before, **change} == await customer(http, admin)


def told(folder: Path, url: str, user: str, seed: str) -> dict[str, str]:
    """What a caller reads from its environment, but for the token."""
    file = folder / f"{user}.nk"
    file.write_text(seed)
    return {"NATS_URL": url, "NATS_NKEY_SEED_FILE": str(file), "MESH_CALLER": user}


async def customer(http: AsyncClient, admin: dict[str, str]) -> dict[str, Any]:
    return timed((await http.get("/v1/customers/ALFKI", headers=admin)).text)


def timed(text: str) -> dict[str, Any]:
    """What the JSON says, with moments in place of timestamps: Go writes no zeros at the end of a second's digits."""
    found: dict[str, Any] = json.loads(text)
    return {name: datetime.fromisoformat(one) if name.endswith("_at") and one else one for name, one in found.items()}


@needs_node
async def test_nestjs_sends_the_bare_request_with_its_deadline_and_its_id(tmp_path: Path) -> None:
    command = await asyncio.to_thread(in_nestjs, tmp_path)
    server = NatsServer(tmp_path)
    await server.start()
    worker = await server.connect()
    taken: list[Message] = []

    def answer(message: Message) -> None:
        taken.append(message)
        answering.create_task(worker.publish(message.reply, b"not JSON"))

    async with asyncio.TaskGroup() as answering:
        await worker.subscribe("customers.get", answer)
        environment = told(tmp_path, server.url, "shop", new_seed())
        done = await asyncio.to_thread(attempt, tmp_path, *command, "ALFKI", "NOONE", "Berlin", **environment)

    [message] = taken
    assert b'{"customer_id":"ALFKI"}' == message.payload
    assert message.reply.startswith("_INBOX_shop.")
    assert {"X-Request-Id", "Request-Timeout", "Request-Deadline"} == message.headers.keys()
    assert "5000" == message.headers["Request-Timeout"]
    assert (1, "") == (done.returncode, done.stdout)
    assert "the reply is not JSON" in done.stderr
    await worker.close()
    await server.stop()
