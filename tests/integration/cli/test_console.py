"""The commands that ask a console, with a real one over HTTP."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import uvicorn
from pydantic import SecretStr

from console.app import build
from console.settings import ConsoleSettings
from console.sources.traces import Span
from console.watch import Watch
from devstack.home.home import open_home
from devstack.home.state import Admin, Operator, StackState, write_stack
from mesh.process.listening import bound_socket
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.command import mesh

KEY = "the key of this start"
MS = 1_000_000


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    """What a console knows that listens, and that stack.json in `tmp_path` names."""
    settings = ConsoleSettings(console_key=SecretStr(KEY))
    home = await open_home(tmp_path)
    async with httpx2.AsyncClient(trust_env=False) as http:
        watch = Watch(settings, MemoryTransport(MemoryBroker()), http)
        with bound_socket("127.0.0.1", 0, "CONSOLE") as listening:
            config = uvicorn.Config(build(settings, watch), lifespan="off", log_config=None, ws="none")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            write_stack(described(home.path, listening.getsockname()[1]))
            yield watch
            server.should_exit = True
            await serving
    home.close()


def described(home: Path, port: int) -> StackState:
    nowhere = "http://127.0.0.1:1"
    return StackState(
        gateway_url=nowhere,
        gateway_urls=[nowhere],
        console_url=f"http://127.0.0.1:{port}/?token={KEY.replace(' ', '%20')}",
        nats_url="nats://127.0.0.1:1",
        nats_monitor_url=None,
        operator=Operator(),
        admin=Admin(email="admin@northwind.example", password="secret"),
        databases={},
        postgres={},
        mongo_url=None,
        home=home,
        logs=home / "logs",
        pid=os.getpid(),
        processes={},
    )


def span(name: str, service: str, parent: str, ms: tuple[int, int], error: str = "") -> Span:
    return Span(
        *("a" * 32, name, parent, name, "server", service, "1", ms[0] * MS, ms[1] * MS, error),
        attributes={"mesh.request_id": "b" * 32},
    )


async def test_a_request_is_shown_by_its_request_id_and_by_its_trace_id(tmp_path: Path, watch: Watch) -> None:
    asking = asyncio.create_task(mesh("trace", "b" * 32, "--wait", "60", "--home", str(tmp_path)))
    watch.traces.add(
        [
            span("GET /v1/orders", "gateway", "", (0, 20)),
            span("orders.list", "orders", "GET /v1/orders", (5, 15), "overloaded"),
        ]
    )

    shown = await asking
    document = await mesh("trace", "a" * 32, "--json", "--home", str(tmp_path))

    assert (0, "") == (shown.code, shown.err)
    gateway, orders = (line for line in shown.out.splitlines() if line.startswith(("gateway", "orders")))
    assert gateway.endswith("20.00")
    assert orders.endswith("10.00  failed: overloaded")
    assert "b" * 32 in shown.out
    assert ["GET /v1/orders", "orders.list"] == [one["name"] for one in json.loads(document.out)["steps"]]


async def test_a_request_that_the_console_does_not_have_is_told_with_where_to_look(
    tmp_path: Path, watch: Watch
) -> None:
    unknown = await mesh("trace", "../../nobody", "--wait", "0", "--home", str(tmp_path))

    assert not len(watch.traces)
    assert (1, "") == (unknown.code, unknown.out)
    assert "`mesh logs --request ../../nobody`" in unknown.err


async def opened(url: str) -> str:
    """Where another browser is sent to."""
    async with httpx2.AsyncClient(trust_env=False) as browser:
        return (await browser.get(url)).headers["location"]


@pytest.mark.usefixtures("watch")
async def test_each_url_of_mesh_console_signs_in_one_browser_once(tmp_path: Path) -> None:
    first, second = [await mesh("console", "--home", str(tmp_path)) for _ in range(2)]

    assert first.out != second.out
    for told in (first, second):
        assert ["/", "/sign-in.html?refused"] == [await opened(told.out.strip()) for _ in range(2)]


async def test_only_the_key_gets_tokens_and_answers(tmp_path: Path, watch: Watch) -> None:
    url = json.loads((tmp_path / "stack.json").read_text())["console_url"].partition("/?")[0]
    asked = {"authorization": "Bearer other"}

    assert 401 == (await watch.http.get(f"{url}/api/requests", headers=asked)).status_code
    assert 403 == (await watch.http.post(f"{url}/api/one-time-token", headers=asked)).status_code
    session = await watch.http.post(
        f"{url}/api/one-time-token", headers={"authorization": f"Bearer {KEY}", "origin": "http://elsewhere.example"}
    )
    assert 200 == session.status_code
    in_browser = {
        "origin": url,
        "cookie": (await watch.http.get(f"{url}/?token={session.json()['token']}")).headers["set-cookie"],
    }
    assert 403 == (await watch.http.post(f"{url}/api/one-time-token", headers=in_browser)).status_code
