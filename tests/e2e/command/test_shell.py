"""The commands with which an operator looks at a running mesh."""

import asyncio
import json
import re
from pathlib import Path

from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from services import WORKERS
from tests.support.command import ALFKI, mesh

IDLE = "stock"
"""A worker that no other test needs while this one looks at it."""


async def test_doctor_finds_a_whole_mesh_in_order(stack: Stack) -> None:
    home = str(stack.state.home)
    table = await mesh("doctor", "--within", "1", "--home", home)
    documents = await mesh("doctor", "--within", "1", "--json", "--home", home)

    assert (0, "") == (table.code, table.err), table.out
    found = [json.loads(line) for line in documents.out.splitlines()]
    assert [] == [one for one in found if one["severity"] == "error"]
    about = {one["about"] for one in found if one["severity"] == "ok"}
    in_order = {"NATS", "databases", "migrations", "permissions", "contracts", "clock", "keys"}
    assert {*(row.name for row in WORKERS), *in_order} <= about
    assert "0 errors" in table.out


async def test_a_frozen_worker_is_found_by_ls_top_and_doctor(stack: Stack) -> None:
    home, seed = str(stack.state.home), stack.state.operator.nkey_seed_file
    stack.freeze(IDLE)
    try:
        listed = await mesh("ls", "--home", home)
        documents = await mesh("ls", "--json", "--home", home)
        elsewhere = await mesh("ls", NATS_URL=stack.state.nats_url, NATS_NKEY_SEED_FILE=str(seed))
        figures = await mesh("top", "--once", "--json", "--every", "0.2", "--home", home)
        examined = await mesh("doctor", "--json", "--home", home)
    finally:
        stack.thaw(IDLE)

    assert (0, 0, 0, 1) == (listed.code, documents.code, figures.code, examined.code)
    assert f"{IDLE} does not answer" in listed.out
    assert [IDLE] == [one["process"] for one in map(json.loads, documents.out.splitlines()) if "process" in one]
    assert re.search(rf"^{IDLE} +(does not answer|no instance: not running, or cut off)", elsewhere.out, re.MULTILINE)
    assert (0, True) == (elsewhere.code, "without the home of `mesh up`" in elsewhere.err)
    states = {one["process"]: one["state"] for one in map(json.loads, figures.out.splitlines())}
    assert {"does not answer"} == {state for name, state in states.items() if name.startswith(IDLE)}
    assert {"ready"} == {state for name, state in states.items() if not name.startswith(IDLE)}
    errors = [one for one in map(json.loads, examined.out.splitlines()) if one["severity"] == "error"]
    assert {IDLE} == {one["about"] for one in errors}
    assert any(f"mesh restart {IDLE}" in one["do"] for one in errors)

    while "does not answer" in (await mesh("ls", "--home", home)).out:
        await asyncio.sleep(0.05)


async def test_top_shows_what_a_process_does(stack: Stack) -> None:
    home = str(stack.state.home)
    shown = await mesh("top", "--once", "--every", "0.2", "--home", home)
    documents = await mesh("top", "--once", "--json", "--every", "0.2", "--home", home)

    assert (0, 0) == (shown.code, documents.code)
    found = {one["process"]: one for one in map(json.loads, documents.out.splitlines())}
    assert stack.state.metrics_urls.keys() == found.keys()
    assert {"ready"} == {one["state"] for one in found.values()}
    assert all(one["memory_bytes"] and one["per_second"] is not None for one in found.values())
    assert "p99 ms" in shown.out.splitlines()[0]


async def test_the_logs_of_one_request_are_those_of_the_gateway_and_the_worker(stack: Stack, http: AsyncClient) -> None:
    home = str(stack.state.home)
    request_id = (await http.get("/v1/suppliers")).headers["x-request-id"]
    asked = ("logs", "--request", request_id, "--since", "5m", "--json", "--home", home)
    while not (told := await mesh(*asked)).out:  # the gateway writes its line after its response
        await asyncio.sleep(0.05)
    assert {request_id} == {json.loads(line)["request_id"] for line in told.out.splitlines()}
    nobody = await mesh("logs", "nobody", "--home", home)
    assert (1, True) == (nobody.code, "no log of nobody" in nobody.err)
    assert "LOG:" in (await mesh("logs", "postgres", "--home", home)).out


async def test_a_subject_is_described_with_who_serves_it(stack: Stack, tmp_path: Path) -> None:
    home = str(stack.state.home)
    described = await mesh("describe", "customers.get", "--home", home)
    told = json.loads((await mesh("describe", "customers.get", "--json", "--home", home)).out)
    alone = json.loads((await mesh("describe", "customers.get", "--json", "--home", str(tmp_path))).out)
    event = await mesh("describe", "events.orders.placed", "--home", str(tmp_path))
    unknown = await mesh("describe", "customers.gett", "--home", home)

    assert (0, 0, 2) == (described.code, event.code, unknown.code)
    for word in ("GET /v1/customers/{customer_id}", "customer_not_found", "company_name", "mesh call customers.get"):
        assert word in described.out
    assert told["served_by"]
    assert all(one in described.out for one in told["served_by"])
    assert alone["served_by"] is None
    assert "stock" in event.out
    assert "did you mean customers.get?" in unknown.err


async def test_a_call_takes_fields_and_can_be_repeated(stack: Stack) -> None:
    home = str(stack.state.home)
    called = await mesh("call", "customers.get", "customer_id=ALFKI", "--home", home)
    figures = await mesh(
        "call", "customers.get", ALFKI, "--repeat", "20", "--concurrency", "4", "--json", "--home", home
    )
    failed = await mesh("call", "customers.get", "customer_id=QQQQQ", "--repeat", "2", "--json", "--home", home)

    assert "Alfreds Futterkiste" == json.loads(called.out)["company_name"]
    document = json.loads(figures.out)
    assert (0, 20, 0) == (figures.code, document["requests"], document["errors"])
    assert 0 < document["p50_ms"] <= document["p99_ms"] <= document["max_ms"]
    assert (1, {"customer_not_found": 2}) == (failed.code, json.loads(failed.out)["by_error"])


async def test_a_worker_is_restarted_from_another_terminal(stack: Stack) -> None:
    home = str(stack.state.home)
    before = stack.pid("shipping")
    restarted = await mesh("restart", "shipping", "--json", "--home", home)
    unknown = await mesh("restart", "nobody", "--home", home)

    assert (0, "shipping") == (restarted.code, json.loads(restarted.out)["process"]), restarted.err
    assert before != stack.pid("shipping")
    assert (1, True) == (unknown.code, "no process nobody runs" in unknown.err)


async def test_a_shell_completes_commands_and_subjects() -> None:
    bash = "complete_bash"
    subjects = await mesh(COMP_WORDS="mesh call customers.g", COMP_CWORD="2", _MESH_COMPLETE=bash)
    commands = await mesh(COMP_WORDS="mesh des", COMP_CWORD="1", _MESH_COMPLETE=bash)

    assert ["customers.get", "customers.get_many"] == subjects.out.split()
    assert ["describe"] == commands.out.split()


async def test_a_stack_without_a_console_says_so(stack: Stack) -> None:
    for command in (("console",), ("trace", "anything")):
        ended = await mesh(*command, "--home", str(stack.state.home))
        assert (3, True) == (ended.code, "without --no-console" in ended.err)
