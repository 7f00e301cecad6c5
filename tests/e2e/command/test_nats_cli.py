"""The `nats` command of the NATS project sees what `mesh` shows, and the problems that it does not report itself."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import pytest

from devstack.stack.stack import Stack
from subjects import ENDPOINTS
from tests.support.command import ALFKI, Ended, mesh
from tests.support.contract.givens import free_key

NATS: Final = shutil.which("nats")
EXPECTED: Final = "MESH_EXPECTS_NATS_CLI"
"""Set where the tests must find the command, and fail without it."""
TRIES: Final = 5
"""The command waits for answers only a moment, which a busy machine may miss."""
pytestmark = pytest.mark.skipif(
    NATS is None and EXPECTED not in os.environ,
    reason="needs the command: go install github.com/nats-io/natscli/nats@v0.5.1",
)


async def nats(stack: Stack, *arguments: str) -> Ended:
    """Run it as the operator, as docs/guides/nats-cli.md says."""
    assert NATS, f"{EXPECTED} is set, and `nats` is not on PATH"
    operator = ("--nkey", str(stack.state.operator.nkey_seed_file), "--inbox-prefix", "_INBOX_operator")
    process = await asyncio.create_subprocess_exec(
        *(NATS, "-s", stack.state.nats_url, *operator, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out, err)


async def shown(stack: Stack, *arguments: str) -> Any:  # noqa: ANN401  # JSON
    """The JSON that it prints."""
    ended = await nats(stack, *arguments)
    assert 0 == ended.code, ended.err
    return json.loads(ended.out)


async def listed(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    """The documents that `mesh` prints."""
    ended = await mesh(*arguments, "--json", "--home", str(stack.state.home))
    assert 0 == ended.code, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


async def test_request_prints_the_reply_that_mesh_call_prints(stack: Stack) -> None:
    asked = await nats(stack, "request", "--raw", "customers.get", ALFKI)
    called = await mesh("call", "customers.get", ALFKI, MESH_HOME=str(stack.state.home))

    assert (0, json.loads(called.out)) == (asked.code, json.loads(asked.out))


async def test_request_ends_with_0_for_a_problem_and_names_it_on_standard_error(stack: Stack) -> None:
    body = json.dumps({"customer_id": free_key()})

    asked = await nats(stack, "request", "customers.get", body)
    raw = await nats(stack, "request", "--raw", "customers.get", body)

    assert 0 == asked.code
    assert "Nats-Service-Error-Code: 404" in asked.err
    assert "customer_not_found" == json.loads(asked.out)["reason"]
    assert (0, "") == (raw.code, raw.err)
    assert "customer_not_found" == json.loads(raw.out)["reason"]


async def test_request_passes_headers_on(stack: Stack) -> None:
    request_id = f"test-{free_key()}"

    asked = await nats(stack, "request", "-H", f"X-Request-Id: {request_id}", "customers.get", ALFKI)

    assert f"X-Request-Id: {request_id}" in asked.err


async def test_micro_info_and_stats_tell_what_mesh_ls_tells(stack: Stack) -> None:
    before = await customers(stack)
    info = await shown(stack, "micro", "info", "customers", "--json")
    [statistics] = await shown(stack, "micro", "stats", "customers", "--json")
    after = await customers(stack)

    subjects = [endpoint.subject for endpoint in ENDPOINTS if endpoint.service == "customers"]
    assert subjects == [endpoint["subject"] for endpoint in info["info"]["endpoints"]]
    assert before["id"] == info["info"]["id"] == statistics["id"]
    assert datetime.fromisoformat(before["started"]) == datetime.fromisoformat(statistics["started"])  # Go cuts zeros
    for least, found, most in zip(before["endpoints"], statistics["endpoints"], after["endpoints"], strict=True):
        assert least["subject"] == found["subject"]
        assert least["num_requests"] <= found["num_requests"] <= most["num_requests"]
        assert least["num_errors"] <= found["num_errors"] <= most["num_errors"]


async def customers(stack: Stack) -> dict[str, Any]:
    """What `mesh ls` tells of its one instance."""
    [found] = [document for document in await listed(stack, "ls") if document["name"] == "customers"]
    return found


async def in_micro_ls(stack: Stack) -> set[tuple[str, ...]]:
    return {(document["name"], document["id"]) for document in await shown(stack, "micro", "ls", "--json")}


async def in_micro_ping(stack: Stack) -> set[tuple[str, ...]]:
    return {tuple(line.split()[:2]) for line in (await nats(stack, "micro", "ping")).out.splitlines()}


@pytest.mark.parametrize("found", [in_micro_ls, in_micro_ping])
async def test_micro_ls_and_ping_find_each_instance(
    found: Callable[[Stack], Awaitable[set[tuple[str, ...]]]], stack: Stack
) -> None:
    expected = {(document["name"], document["id"]) for document in await listed(stack, "ls")}

    tries = [await found(stack)]
    while tries[-1] != expected and len(tries) < TRIES:
        tries.append(await found(stack))

    assert expected == tries[-1]


async def test_streams_and_consumers_are_those_of_mesh_events_ls(stack: Stack) -> None:
    documents = await listed(stack, "events", "ls")
    streams = {document["stream"] for document in documents if "messages" in document}
    consumers = {document["consumer"]: document for document in documents if "consumer" in document}

    assert streams | {"FEED"} == {*await shown(stack, "stream", "ls", "--json")}
    for name, expected in consumers.items():
        found = await shown(stack, "consumer", "info", "EVENTS", name, "--json")
        assert (expected["stream"], name) == (found["stream_name"], found["name"])
        assert expected["num_redelivered"] <= found["num_redelivered"]
        assert expected["delivered"]["stream_seq"] <= found["delivered"]["stream_seq"]
        assert expected["ack_floor"]["stream_seq"] <= found["ack_floor"]["stream_seq"]
