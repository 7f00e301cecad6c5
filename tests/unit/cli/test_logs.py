"""The lines of logs, as `mesh logs` reads and shows them."""

import json
from pathlib import Path

from cli.observe.log_file import LogFile
from cli.observe.log_line import LEVELS, Wanted, read, shown

ALL = Wanted("", 0.0, 0)


def line(second: int, event: str = "request", **fields: object) -> str:
    moment = f"2026-07-01T12:00:{second:02}.500000Z"
    return json.dumps({"process": "customers", "event": event, "level": "info", "timestamp": moment, **fields}) + "\n"


def test_a_line_is_shown_with_its_time_and_its_fields() -> None:
    found = read("customers-2", line(7, ms=1.5, why="a b"), 0.0)
    assert '07-01 12:00:07.500 info     customers-2    request  ms=1.5 why="a b"' == shown(found)
    assert "customers-2" == json.loads(found.document())["process"]


def test_the_times_of_servers_are_read() -> None:
    texts = ("2026-07-01 12:00:07.500 UTC [1] LOG:  ready", "[1] 2026/07/01 12:00:07.500000 [INF] ready")
    expected = read("", line(7), 0.0).at
    assert [expected, expected] == [read("nats", text, 0.0).at for text in texts]


def test_a_line_without_a_time_belongs_to_the_one_before() -> None:
    assert 42.0 == read("postgres", "\tDETAIL: more", 42.0).at
    assert 42.0 == read("postgres", '{"event": "x", "timestamp": "9999-99-99 99:99:99"}', 42.0).at


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    log = tmp_path / "customers.log"
    log.write_text(line(1, request_id="a") + line(2, request_id="b") + line(3, "failed", request_id="b", level="error"))

    def events(wanted: Wanted) -> list[str]:
        return [one.fields["event"] for one in LogFile(log).latest(wanted, 10)]

    assert ["request", "request", "failed"] == events(ALL)
    assert ["request", "failed"] == events(Wanted("b", 0.0, 0))
    assert ["failed"] == events(Wanted("", 0.0, LEVELS["error"]))
    assert ["failed"] == events(Wanted("", read("", line(3), 0.0).at, 0))
    assert ["failed"] == [one.fields["event"] for one in LogFile(log).latest(ALL, 1)]


def test_a_followed_log_gives_each_line_once_and_waits_for_its_end(tmp_path: Path) -> None:
    log = tmp_path / "customers.log"
    followed = LogFile(log)
    assert [] == list(followed.new(ALL))
    whole, rest = line(1), line(2)
    log.write_text(whole + rest[:10])
    assert 1 == len(list(followed.new(ALL)))
    log.write_text(whole + rest)
    assert [read("", rest, 0.0).at] == [one.at for one in followed.new(ALL)]
    assert [] == list(followed.new(ALL))


def test_a_rotated_log_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "customers.log"
    log.write_text(line(1) + line(2))
    followed = LogFile(log)
    assert 2 == len(list(followed.new(ALL)))
    log.write_text(line(3))
    assert 1 == len(list(followed.new(ALL)))


def test_bytes_that_are_no_text_are_no_traceback(tmp_path: Path) -> None:
    log = tmp_path / "customers.log"
    log.write_bytes(b"\xff\xfe[[[\n" + b"[" * 200_000 + b"\n")
    assert LogFile(log).latest(ALL, 10)
