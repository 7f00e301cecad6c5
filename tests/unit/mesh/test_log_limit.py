"""A flood of warnings is cut off, and counted."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from mesh.log_limit import LogLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What is written, once a test has configured it."""
    yield []
    structlog.reset_defaults()


def configured(lines: list[Any], limit: LogLimit) -> Any:  # noqa: ANN401  # structlog's own
    def write(_logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
        lines.append((method, event["event"], event.get("lines")))
        raise structlog.DropEvent

    structlog.configure([limit, write])
    return structlog.get_logger()


def test_so_many_lines_of_a_kind_pass_and_each_kind_has_its_own(lines: list[Any]) -> None:
    log = configured(lines, LogLimit(most=2, seconds=10))
    for _ in range(5):
        log.warning("one")
        log.error("two")
        log.error("library", logger="asyncio")
        log.error("library", logger="uvicorn")
        log.info("request")
    assert [2, 2, 4, 5] == [
        sum(event == kind for _, event, _ in lines) for kind in ("one", "two", "library", "request")
    ]


def test_an_exception_is_a_line_like_any_other(lines: list[Any]) -> None:
    log = configured(lines, LogLimit(most=1, seconds=10))
    for _ in range(3):
        try:
            int("x")
        except ValueError:
            log.exception("failed")
    assert 1 == len(lines)


def test_after_a_while_lines_pass_again(lines: list[Any]) -> None:
    clock = Clock()
    log = configured(lines, LogLimit(most=2, seconds=10, clock=clock))
    for clock.now in (0.0, 9.0, 10.0, 11.0):
        log.warning("one")
    assert 4 == len(lines)


def test_what_was_left_out_is_told_without_a_further_line(lines: list[Any]) -> None:
    log = configured(lines, LogLimit(most=2, seconds=0.02))
    for _ in range(100):
        log.warning("one")
    while ("warning", "lines_left_out", 98) not in lines:
        time.sleep(0.005)
    assert [("warning", "one", None)] * 2 == lines[:-1]
    log.warning("one")
    assert ("warning", "one", None) == lines[-1]


def test_a_process_that_ends_tells_what_it_left_out() -> None:
    program = """
import structlog
from mesh.logs import configure
from mesh.settings import LogSettings
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
