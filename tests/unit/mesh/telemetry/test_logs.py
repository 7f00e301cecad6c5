import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from mesh.telemetry.logs import as_json, configure
from mesh.telemetry.settings import LogSettings


def written(**event: Any) -> dict[str, Any]:  # noqa: ANN401  # whatever a line tells
    """The line as a machine reads it."""
    line: dict[str, Any] = json.loads(as_json(None, "info", event))
    return line


def test_a_line_is_one_line_of_json() -> None:
    line = as_json(None, "info", {"event": "two\nlines", "path": "/é", "ms": 1.5, "status": None})
    assert b"\n" not in line
    assert {"event": "two\nlines", "path": "/é", "ms": 1.5, "status": None} == json.loads(line)


def test_a_line_tells_of_anything() -> None:
    assert "ValueError('odd')" == written(error=ValueError("odd"))["error"]
    assert "\ud800" == written(path="\ud800")["path"]
    assert written(rate=float("inf"))["rate"] == float("inf")
    assert written(at=datetime(2026, 7, 1, tzinfo=UTC))["at"].startswith("2026-07-01T00:00:00")


@pytest.fixture
def unconfigured() -> Any:  # noqa: ANN401  # nothing
    """Leave logging as it was."""
    handlers = logging.getLogger().handlers
    yield
    logging.getLogger().handlers = handlers
    structlog.reset_defaults()


@pytest.mark.usefixtures("unconfigured")
def test_a_process_writes_who_when_and_what(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    configure(LogSettings(log_format="json", log_level="info"), "gateway")
    log = structlog.get_logger()
    log.debug("unheard")
    log.info("request", path="/v1/products", status=200)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("request_failed")
    lines = [json.loads(line) for line in capfdbinary.readouterr().err.splitlines()]
    assert ["request", "request_failed"] == [line["event"] for line in lines]
    assert ["info", "error"] == [line["level"] for line in lines]
    assert {"gateway"} == {line["service"] for line in lines}
    assert lines[0]["timestamp"].endswith("Z")
    assert ("/v1/products", 200) == (lines[0]["path"], lines[0]["status"])
    assert "ZeroDivisionError" == lines[1]["exception"][0]["exc_type"]


@pytest.mark.usefixtures("unconfigured")
def test_what_a_library_logs_is_a_line_like_any_other(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    configure(LogSettings(log_format="json"), "gateway")
    library = logging.getLogger("asyncio")
    library.info("unheard")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        library.exception("Fatal error: %s", "Bearer abcdefgh")
    (line,) = [json.loads(line) for line in capfdbinary.readouterr().err.splitlines()]
    assert ("error", "gateway", "asyncio") == (line["level"], line["service"], line["logger"])
    assert "Fatal error: Bearer [redacted]" == line["message"]
    assert "ZeroDivisionError" == line["exception"][0]["exc_type"]


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize(
    "odd", ["\x7f", "\x9b2J", "\u202egnp", "\u2028", "\u200b", "\U000e0041", "\ud800", "\x1b]0;t\x07"]
)
def test_no_text_that_is_logged_for_machines_commands_a_terminal(
    odd: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    configure(LogSettings(log_format="json"), "gateway")
    structlog.get_logger().info("request", path=f"/grün{odd}", several=[odd], within={"a": odd})
    said = capfdbinary.readouterr().err.decode()
    assert said.removesuffix("\n").isprintable()
    told = json.loads(said)
    assert (f"/grün{odd}", [odd], {"a": odd}) == (told["path"], told["several"], told["within"])


@pytest.mark.usefixtures("unconfigured")
def test_no_text_that_is_logged_for_people_commands_their_terminal(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    configure(LogSettings(log_format="pretty"), "gateway")
    odd = "/\x1b]0;title\x07\x9b2J\u202e"
    log = structlog.get_logger()
    log.info("request", path=odd, several=[odd], two="lines\nforged")
    log.error(odd, exc_info=ValueError(odd))
    said = capfdbinary.readouterr().err.decode()
    assert 4 == said.count("]0;title")
    assert not re.search("\x1b]|[\x07\x9b\u202e]|^forged", said, re.MULTILINE)
