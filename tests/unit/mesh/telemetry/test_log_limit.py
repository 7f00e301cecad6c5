"""A flood of warnings is cut off, and counted."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, MutableMapping
from typing import Any, NoReturn

import pytest
import structlog

from mesh.telemetry.log_limit import LogLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Log:
    """What logs by way of a limit, and what was written: level, event and how many lines it tells of."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, int | None]] = []
        self.limits: list[LogLimit] = []

    def limited(self, limit: LogLimit) -> Any:  # noqa: ANN401  # structlog's own
        self.limits.append(limit)
        structlog.configure([limit, self._write])
        return structlog.get_logger()

    def _write(self, _logger: object, method: str, event: MutableMapping[str, Any]) -> NoReturn:
        self.lines.append((method, event["event"], event.get("lines")))
        raise structlog.DropEvent


@pytest.fixture
def log() -> Iterator[Log]:
    yield (log := Log())
    for limit in log.limits:
        limit.report_all()  # or it would do so in the midst of another test
    structlog.reset_defaults()


def test_so_many_lines_of_a_kind_pass_and_each_kind_has_its_own(log: Log) -> None:
    limited = log.limited(LogLimit(most=2, seconds=10))
    for _ in range(5):
        limited.warning("one")
        limited.error("two")
        limited.error("library", logger="asyncio")
        limited.error("library", logger="uvicorn")
        limited.info("request")
    assert [2, 2, 4, 5] == [
        sum(event == kind for _, event, _ in log.lines) for kind in ("one", "two", "library", "request")
    ]


def test_an_exception_is_a_line_like_any_other(log: Log) -> None:
    limited = log.limited(LogLimit(most=1, seconds=10))
    for _ in range(3):
        try:
            int("x")
        except ValueError:
            limited.exception("failed")
    assert 1 == len(log.lines)


def test_after_a_while_lines_pass_again(log: Log) -> None:
    clock = Clock()
    limited = log.limited(LogLimit(most=2, seconds=10, clock=clock))
    for clock.now in (0.0, 9.0, 10.0, 11.0):
        limited.warning("one")
    assert 4 == len(log.lines)


def test_what_was_left_out_is_told_without_a_further_line(log: Log) -> None:
    limited = log.limited(LogLimit(most=2, seconds=0.02))
    for _ in range(100):
        limited.warning("one")
    while ("warning", "lines_left_out", 98) not in log.lines:
        time.sleep(0.005)
    assert [("warning", "one", None)] * 2 == log.lines[:-1]
    limited.warning("one")
    assert ("warning", "one", None) == log.lines[-1]


def test_a_process_that_ends_tells_what_it_left_out() -> None:
    program = """
import structlog
from mesh.telemetry.logs import configure
from mesh.telemetry.settings import LogSettings
configure(LogSettings(log_format="json"), "test")
for n in range(20_000):
    structlog.get_logger().warning("request_without_inbox", subject="customers.get", n=n)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stderr
    told = [json.loads(line) for line in said.splitlines()]
    left_out = [line for line in told if line["event"] == "lines_left_out"]
    assert {"request_without_inbox"} == {line["of"] for line in left_out}
    assert 20_000 == len(told) - len(left_out) + sum(line["lines"] for line in left_out)
    assert len(said) < 20_000
