"""What a starting stack makes of the gateway's word, and how it tells of what it waits for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devstack.home.home import Home
from devstack.processes.program import Program
from devstack.stack.readiness import Readiness, readiness, until_ready
from devstack.stack.waiting import Waiting

MISSING = {"ready": False, "nats": True, "services": {"auth": True, "orders": False}, "reason": "no answer from orders"}
WELL = {"ready": True, "nats": True, "services": {"auth": True, "orders": True}, "reason": None}


class Idle(Program):
    """A program of which only the name and the log matter here; its process is this one."""

    async def spawn(self) -> None:
        """Start nothing."""

    async def serving(self) -> None:
        """Never."""
        await asyncio.Event().wait()


@asynccontextmanager
async def gateway(say: Callable[[], tuple[int, object]]) -> AsyncIterator[int]:
    """A gateway's port, whose answer is asked for each time."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status, body = say()
        writer.write(f"HTTP/1.1 {status} x\r\nConnection: close\r\n\r\n".encode() + json.dumps(body).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("said", "absent", "expected"),
    [
        (WELL, (), True),
        (MISSING, (), False),
        (MISSING, ("orders",), True),
        (MISSING, ("auth",), False),
        ({**MISSING, "nats": False}, ("orders",), False),
        ({**MISSING, "services": {"auth": False, "orders": False}}, ("orders",), False),
        ({**WELL, "ready": False, "reason": "stopping"}, ("orders",), False),
        ({**MISSING, "services": {}}, ("orders",), False),
    ],
)
def test_what_somebody_else_runs_is_not_waited_for(
    said: dict[str, object],
    absent: Collection[str],
    expected: bool,  # noqa: FBT001
) -> None:
    assert expected == Readiness.model_validate(said).without(absent)


async def test_a_gateway_is_asked_until_it_says_yes() -> None:
    answers = [(503, MISSING), (500, "no such thing"), (200, WELL)]
    async with gateway(lambda: answers.pop(0)) as port:
        await until_ready("127.0.0.1", port)
    assert [] == answers


async def test_one_that_does_not_answer_says_nothing() -> None:
    async with gateway(lambda: (503, MISSING)) as port:
        said = await readiness("127.0.0.1", port)
        assert said is not None
        assert "no answer from orders" == said.reason
    assert await readiness("127.0.0.1", port) is None


async def test_it_is_told_ever_again_what_is_missing_and_by_whose_word(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    home = Home(tmp_path, 0)
    programs: dict[str, Program] = {name: Idle(name, home) for name in ("gateway", "auth", "products")}
    (tmp_path / "logs" / "auth.log").write_text('{"event": "connecting", "error": "no route to mongo"}\n')
    told: list[tuple[str, str, str]] = []
    async with gateway(lambda: (503, MISSING)) as port:
        waiting = Waiting(lambda *what: told.append(what), lambda: ("127.0.0.1", port))
        waiting.record("gateway", "starting", "process 7")
        waiting.record("auth", "restarting", "ended with exit code 1")
        waiting.record("products", "ready", "")
        task = asyncio.create_task(waiting.run(programs, every=0.01))
        while len(told) < 4:
            await asyncio.sleep(0.01)
        task.cancel()
    last = {name: (state, detail) for name, state, detail in told}
    assert {"gateway", "auth"} == set(last)
    assert ("starting", "process 7; not ready after 0 s: /readyz says: no answer from orders") == last["gateway"]
    assert ("restarting", "ended with exit code 1; not ready after 0 s: no route to mongo") == last["auth"]


async def test_a_collector_that_does_not_answer_is_not_the_reason(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "auth.log").write_text(
        '{"event": "connecting", "error": "no route to mongo"}\n{"event": "collector_disturbed", "why": "refused"}\n'
    )
    waiting = Waiting(lambda *_: None, lambda: None)
    assert ": no route to mongo" == await waiting.why(Idle("auth", Home(tmp_path, 0)))
