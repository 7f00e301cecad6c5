"""Deadlines hold where the clocks of a caller and a worker differ: by seconds, by hours, and while they are set."""

import time

import pytest
from structlog.testing import capture_logs

from mesh.client.client import Client
from mesh.core import context
from mesh.service.clocks import Clocks
from mesh.service.request import read_headers
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from mesh.wire import names
from tests.support.mesh.raw import problem, raw
from tests.support.mesh.sample_service import SAY, Said, Say, sample

OFF = [-7200.0, -60.0, -4.0, -0.5, 0.0, 0.5, 4.0, 60.0, 7200.0]
"""Seconds by which our clock is ahead of a caller's."""
UNIX = 1_800_000_000.0


class Wire:
    """A caller's requests as a worker sees them that began at second 0."""

    def __init__(self, ahead: float, caller: str = "_INBOX_gateway.1") -> None:
        self.clocks = Clocks(0, lambda: UNIX + ahead)
        self._caller = caller

    def waited(
        self, sent: float, received: float, *, caller: str | None = None, subject: str = "a.get", ahead: float = 0
    ) -> float:
        """`sent`, `received`: in true seconds since the beginning; `ahead`: by how much the caller's clock is."""
        return self.clocks.waited(caller or self._caller, subject, UNIX + sent + ahead, received)


@pytest.mark.parametrize("ahead", OFF)
def test_what_a_request_waited_is_known_whatever_the_clocks_say(ahead: float) -> None:
    wire = Wire(ahead)
    assert 0 == wire.waited(1, 1.001)
    assert 0 == pytest.approx(wire.waited(2, 2.001), abs=0.01)
    assert 3 == pytest.approx(wire.waited(3, 6), abs=0.01)
    assert 600 == pytest.approx(wire.waited(7, 607), abs=0.01)


@pytest.mark.parametrize("ahead", OFF)
def test_a_worker_that_was_frozen_drops_what_waited_meanwhile(ahead: float) -> None:
    wire = Wire(ahead)
    for second in range(100):
        wire.waited(second, second + 0.001)
    assert [60, 59, 58, 57, 56] == [round(wire.waited(100 + n, 160)) for n in range(5)]
    assert 0 == pytest.approx(wire.waited(161, 161.001), abs=0.01)


@pytest.mark.parametrize("ahead", OFF)
def test_each_caller_has_a_clock_of_its_own(ahead: float) -> None:
    wire = Wire(0)
    for second in range(20):
        assert 0 == pytest.approx(wire.waited(second, second + 0.001), abs=0.01)
        assert 0 == pytest.approx(wire.waited(second, second + 0.001, caller="_INBOX_gateway.2", ahead=ahead), abs=0.01)


@pytest.mark.parametrize("lie", [0.5, 4.0, 3600.0, 1e12])
def test_who_lies_in_anothers_name_harms_the_subjects_alone_on_which_it_may_ask(lie: float) -> None:
    wire = Wire(0)
    for second in range(60):
        wire.waited(second, second + 0.001, subject="auth.jwks", ahead=lie)
        for subject in ("auth.me", "auth.login"):
            assert 0 == pytest.approx(wire.waited(second, second + 0.001, subject=subject), abs=0.01)
    assert 3 == pytest.approx(wire.waited(60, 63, subject="auth.me"), abs=0.01)


def test_a_request_in_anothers_name_does_not_end_its_deadlines() -> None:
    clocks = Clocks(0, lambda: UNIX)

    def deadline(subject: str, until: float, now: float) -> float:
        headers = {names.REQUEST_TIMEOUT: "5000", names.REQUEST_DEADLINE: str(round((UNIX + until) * 1000))}
        found, fault = read_headers(Message(subject, b"", headers, "_INBOX_gateway.a1.b2"), SAY, now, clocks)
        assert fault is None
        return found.deadline

    assert 6 == pytest.approx(deadline("auth.me", 6, 1))
    deadline("auth.jwks", 3600, 2)
    assert 8 == pytest.approx(deadline("auth.me", 8, 3))


@pytest.mark.parametrize("ahead", OFF)
def test_a_callers_clock_that_is_set_is_learned_anew(ahead: float) -> None:
    wire = Wire(0)
    for second in range(20):
        wire.waited(second, second + 0.001)
    for second in range(20, 40):
        wire.waited(second, second + 0.001, ahead=ahead)
    assert 0 == pytest.approx(wire.waited(40, 40.001, ahead=ahead), abs=0.01)
    assert 3 == pytest.approx(wire.waited(41, 44, ahead=ahead), abs=0.01)


def test_a_clock_that_is_off_is_told_once() -> None:
    wire = Wire(5)
    with capture_logs() as logs:
        for second in range(100):
            wire.waited(second, second + 0.001)
            wire.waited(second, second + 0.001, caller="_INBOX_gateway.2", ahead=5)
    assert [("clocks_differ", "_INBOX_gateway.1", 5.0)] == [
        (one["event"], one["caller"], one["seconds"]) for one in logs
    ]


def test_ever_new_callers_take_no_memory() -> None:
    wire = Wire(0)
    for n in range(5000):
        wire.waited(n, n, caller=f"_INBOX_operator.{n}")
    assert 1000 == wire.clocks.known


@pytest.mark.parametrize("ahead", OFF)
async def test_a_worker_whose_clock_is_off_answers_and_knows_the_time_left(
    worker: MemoryTransport, caller: MemoryTransport, ahead: float
) -> None:
    left: list[float] = []

    async def look(_: Say) -> Said:
        left.append(context.remaining() or 0)
        return Said(text="")

    await sample(worker, look, clock=lambda: time.time() + ahead).start()
    for timeout in (5, 3, 1):
        await Client(caller).call(SAY, Say(), timeout)
    assert [5, 3, 1] == [round(seconds + 0.4) for seconds in left]


@pytest.mark.parametrize("ahead", OFF)
async def test_a_worker_whose_clock_is_off_begins_nothing_that_waited_too_long(
    worker: MemoryTransport, caller: MemoryTransport, ahead: float
) -> None:
    await sample(worker, clock=lambda: time.time() + ahead).start()
    await Client(caller).call(SAY, Say())
    sent = time.time() - 2
    late = {"Request-Timeout": "1500", "Request-Deadline": str(round((sent + 1.5) * 1000))}
    assert "deadline_exceeded" == problem(await raw(caller, "sample.say", headers=late)).code
    in_time = {"Request-Timeout": "4000", "Request-Deadline": str(round((sent + 4) * 1000))}
    assert b'{"text":"hello"}' == (await raw(caller, "sample.say", headers=in_time)).payload
