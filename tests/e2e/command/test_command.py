"""The `mesh` command, as a person in a shell meets it."""

import asyncio
import json
import signal
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from mesh.transport.base import Message
from services import BY_NAME, WORKERS
from subjects import ENDPOINTS
from tests.support.command import ALFKI, MESH, mesh
from tests.support.contract.givens import free_key
from tests.support.mesh.sign_in import SignIn
from tests.support.servers.collector import Collector, collecting
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.processes import Process
from tests.support.whole_trace import assert_nothing_secret, assert_one_trace_from_the_request_to_the_mail, order


@pytest.fixture
async def lonely(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A NATS server without any service."""
    server = NatsServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def test_a_call_prints_the_reply(stack: Stack) -> None:
    called = await mesh("call", "customers.get", ALFKI, MESH_HOME=str(stack.state.home))
    piped = await mesh("call", "customers.get", "-", "--home", str(stack.state.home), stdin=ALFKI.encode())

    assert (0, "") == (called.code, called.err)
    assert "Alfreds Futterkiste" == json.loads(called.out)["company_name"]
    assert called.out == piped.out


async def test_a_call_that_fails_prints_the_problem(stack: Stack) -> None:
    home = str(stack.state.home)

    called = await mesh("call", "customers.get", json.dumps({"customer_id": free_key()}), MESH_HOME=home)
    unchecked = await mesh("call", "customers.get", "--no-check", '{"customer_id": "alfki"}', MESH_HOME=home)

    assert (1, "", "customer_not_found") == (called.code, called.out, json.loads(called.err)["reason"])
    assert (1, "", "invalid_payload") == (unchecked.code, unchecked.out, json.loads(unchecked.err)["reason"])


async def test_a_call_that_an_operator_may_not_make_is_refused_at_once(stack: Stack) -> None:
    body = json.dumps({"customer_id": free_key(), "company_name": "Made by a test"})

    called = await mesh("call", "customers.create", body, MESH_HOME=str(stack.state.home))

    assert (1, "") == (called.code, called.out)
    assert "NATS does not allow" in called.err


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("did you mean customers.get?", ("customers.gett", ALFKI)),
        ("`mesh subjects` lists all", ("invoices", "{}")),
        ("mesh: 'customers get' is not a valid subject\n", ("customers get", "{}", "--no-check")),
        ("sends it anyway)\n  customer_id: ", ("customers.get", '{"customer_id": "alfki"}')),
        ("customer_id", ("customers.get", '{"customer_id": "alfki"}')),
        ("customer_id", ("customers.get",)),
        ("the JSON is malformed", ("customers.get", "ALFKI")),
        ("nobody_knows", ("customers.list", '{"nobody_knows": 1}')),
        ("--timeout", ("customers.list", "{}", "--timeout", "0")),
    ],
)
async def test_a_mistake_in_a_call_is_told_before_anything_is_sent(message: str, arguments: tuple[str, ...]) -> None:
    called = await mesh("call", *arguments, NATS_URL="nats://127.0.0.1:1")

    assert (2, "") == (called.code, called.out)
    assert message in called.err


async def test_a_call_that_nobody_serves_ends_with_3(lonely: NatsServer) -> None:
    called = await mesh("call", "customers.get", ALFKI, NATS_URL=lonely.url)
    listed = await mesh("ls", "--within", "0.1", NATS_URL=lonely.url)

    assert (3, "") == (called.code, called.out)
    assert "no worker serves customers.get" in called.err
    assert (3, "no service answers") == (listed.code, listed.err.strip().removeprefix("mesh: "))


async def test_ls_tells_a_service_that_hangs_from_one_that_nobody_runs(lonely: NatsServer) -> None:
    frozen, running = await lonely.connect(), await lonely.connect()
    await frozen.subscribe("$SRV.PING.products", lambda _: None)
    alone = await mesh("ls", "--within", "0.1", NATS_URL=lonely.url)
    auth = SignIn(running).service
    await auth.start()

    listed = await mesh("ls", "--within", "0.1", NATS_URL=lonely.url)
    documents = await mesh("ls", "--json", "--within", "0.1", NATS_URL=lonely.url)
    await auth.drain()

    assert (3, True, False) == (alone.code, "does not answer" in alone.out, "absent" in alone.out)
    silent = [json.loads(line) for line in documents.out.splitlines()][1:]
    states = {one["name"]: one["state"] for one in silent}
    assert {row.name for row in WORKERS} - {"auth"} == states.keys()
    assert {"products"} == {name for name, state in states.items() if state == "hangs"}
    assert {None} == {one["process"] for one in silent}
    rows = dict(line.split(maxsplit=1) for line in listed.out.splitlines())
    assert "does not answer" == rows["products"]
    assert "no instance: not running, or cut off by NATS" == rows["carts"]
    assert (0, 1, "") == (listed.code, len(listed.err.splitlines()), documents.err)
    for transport in (frozen, running):
        await transport.close()


async def test_a_call_without_an_answer_in_time_ends_with_4(lonely: NatsServer) -> None:
    taken: list[Message] = []
    silent = await lonely.connect()
    await silent.subscribe("customers.get", taken.append)

    called = await mesh("call", "customers.get", ALFKI, "--timeout", "0.2", NATS_URL=lonely.url)

    assert (4, "") == (called.code, called.out)
    assert "customers.get did not answer in time" in called.err
    assert [ALFKI.encode()] == [message.payload for message in taken]
    await silent.close()


async def test_a_call_without_a_mesh_says_so(tmp_path: Path) -> None:
    called = await mesh("call", "customers.get", ALFKI, MESH_HOME=str(tmp_path))

    assert (3, "") == (called.code, called.out)
    assert "start one with `mesh up`" in called.err


async def test_ls_lists_the_services(stack: Stack) -> None:
    listed = await mesh("ls", "--home", str(stack.state.home))
    documents = await mesh("ls", "--json", "--home", str(stack.state.home))

    assert (0, 0) == (listed.code, documents.code)
    services = sorted(worker.name for worker in WORKERS)
    for service in services:
        assert service in listed.out
    found = [json.loads(line) for line in documents.out.splitlines()]
    assert services == [document["name"] for document in found]
    assert {"io.nats.micro.v1.stats_response"} == {document["type"] for document in found}


async def test_help_fills_the_lines_of_a_narrow_terminal() -> None:
    told = await mesh("up", "--help", COLUMNS="80")

    assert 0 == told.code
    assert "NATS_URL, AUTH_MONGODB_URL,\n  CUSTOMERS_DATABASE_URL," in told.out
    assert "<bool>" not in told.out


async def test_subjects_lists_the_contract_without_a_mesh() -> None:
    table = await mesh("subjects")
    documents = await mesh("subjects", "--json")

    assert (0, 0) == (table.code, documents.code)
    found = {document["subject"]: document for document in map(json.loads, documents.out.splitlines())}
    assert [endpoint.subject for endpoint in ENDPOINTS] == list(found)
    for endpoint in ENDPOINTS:
        assert endpoint.subject in table.out
        assert endpoint.contract_hash() == found[endpoint.subject]["contract"]
        assert "properties" in found[endpoint.subject]["reply"]


STATE = {
    *(
        "ready",
        "gateway_url",
        "gateway_urls",
        "nats_url",
        "nats_monitor_url",
        "operator",
        "deployer",
        "admin",
        "databases",
        "environments",
        "postgres",
        "mongo_url",
    ),
    *("home", "logs", "pid", "processes", "metrics_urls", "console_url", "ended"),
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


async def test_up_runs_everything_until_sigterm_and_leaves_only_data(tmp_path: Path, collector: Collector) -> None:
    home = tmp_path / "home"
    up = Process(tmp_path / "up.log", MESH, "up", "--home", str(home), "--http-port", "0", **collector.environment)
    await up.start()
    while not (home / "stack.json").exists():
        assert up.running, up.log.read_text()
        await asyncio.sleep(0.05)

    state = json.loads((home / "stack.json").read_bytes())
    async with AsyncClient(base_url=state["gateway_url"]) as http:
        ready = await http.get("/readyz")
        logged_in = await http.post("/v1/auth/login", json=state["admin"])
        await assert_one_trace_from_the_request_to_the_mail(collector, await order(http))
        opened = await mesh("console", "--json", "--home", str(home))
        signed_in = await http.get(json.loads(opened.out)["url"])
        untraced = await mesh("trace", logged_in.headers["x-request-id"], "--wait", "0", "--home", str(home))
    assert_nothing_secret(collector, state["admin"])
    modes = {name: stat.S_IMODE((home / name).stat().st_mode) for name in (".", "stack.json", "secrets.json")}
    processes = [psutil.Process(pid) for pid in state["processes"].values()]
    family = psutil.Process(state["pid"]).children(recursive=True)
    down = await mesh("down", "--json", "--home", str(home))
    again = await mesh("down", "--home", str(home))
    code = await up.wait()

    assert (0, 3) == (down.code, again.code)
    assert (str(home), state["pid"]) == (json.loads(down.out)["home"], json.loads(down.out)["pid"])
    assert [] == [process for process in family if process.is_running()], "`mesh down` waits"
    assert "/" == signed_in.headers["location"]
    assert (1, True) == (untraced.code, "the console has no steps" in untraced.err), "they went to the collector"
    assert state.keys() == STATE
    assert {"nats", "postgres", "mongo", "console", *BY_NAME} == state["processes"].keys()
    assert (200, 200) == (ready.status_code, logged_in.status_code)
    assert {".": 0o700, "stack.json": 0o600, "secrets.json": 0o600} == modes
    assert set(processes) <= set(family)
    assert 0 == code
    assert not (home / "stack.json").exists()
    assert (home / "secrets.json").exists()
    assert state["gateway_url"] in up.log.read_text()
    assert state["admin"]["email"] in up.log.read_text()
    assert state["admin"]["password"] not in up.log.read_text(), "a log is no terminal"
    assert "token=" not in up.log.read_text()


async def test_up_that_is_interrupted_while_it_starts_tells_that_all_has_stopped(tmp_path: Path) -> None:
    up = Process(tmp_path / "up.log", MESH, "up", "--home", str(tmp_path / "home"), "--http-port", "0")
    await up.start()
    while "postgres starting" not in up.log.read_text():
        assert up.running, up.log.read_text()
        await asyncio.sleep(0.02)
    code = await up.end(signal.SIGINT)

    last = {name: state for name, state, *_ in map(str.split, up.log.read_text().splitlines())}
    assert 0 == code
    assert {"nats", "postgres", "mongo"} <= last.keys()
    assert {"stopped"} == set(last.values()), up.log.read_text()


async def test_up_names_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await mesh("up", "--http-port", port, "--home", str(tmp_path / "home"))

    assert 1 == ended.code
    assert f"port {port} is in use" in ended.err
    assert "\n" == ended.err[ended.err.index("\n") :], "one line"
    assert not ended.out, "of servers that were never started nothing is told"


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("--http-port: ", ("--http-port", "70000")),
        ("SERVICE=N", ("--replicas", "customers")),
        ("--replicas invoices: ", ("--replicas", "invoices=2")),
        ("--replicas customers: ", ("--replicas", "customers=0")),
        ("--nats-nodes: ", ("--nats-nodes", "0")),
        ("--without: unknown service invoices", ("--without", "invoices")),
        ("--only: excludes --without", ("--without", "auth", "--only", "gateway")),
        ("--nats-port: ", ("--nats-port", "70000")),
    ],
)
async def test_a_mistake_in_up_is_told_in_words(tmp_path: Path, message: str, arguments: tuple[str, ...]) -> None:
    ended = await mesh("up", *arguments, "--home", str(tmp_path / "home"))

    assert 2 == ended.code
    assert message in ended.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("variable", "value"), [("MESH_NICENESS", "abc"), ("MESH_REPLICAS", "customers=3")])
async def test_a_mistake_in_a_variable_of_up_is_told_by_its_name(tmp_path: Path, variable: str, value: str) -> None:
    ended = await mesh("up", "--home", str(tmp_path / "home"), stdin=b"", **{variable: value})

    assert 2 == ended.code
    assert ended.err.startswith(f"mesh: {variable}: "), ended.err
    assert 1 == len(ended.err.splitlines())
