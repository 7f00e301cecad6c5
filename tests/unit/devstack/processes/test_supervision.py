from __future__ import annotations

import pytest

from devstack.processes.program import how_it_ended, reason_in
from devstack.processes.supervision import delay_after


def test_the_delay_doubles_up_to_ten_seconds() -> None:
    assert [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0] == [delay_after(crashes) for crashes in range(1, 9)]
    assert 10.0 == delay_after(100_000)


def test_an_end_is_told_in_words() -> None:
    assert "ended with exit code 3" == how_it_ended(3)
    assert "was ended by SIGKILL" == how_it_ended(-9)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("no connection", '{"event": "stopped", "why": "no connection", "level": "error"}'),
        ("refused", '{"event": "retry", "error": "refused"}'),
        ("stopped", '{"event": "stopped"}'),
        ("", '{"why": 1}'),
        ("", "[1]"),
        ("", "Traceback (most recent call last):"),
        ("", ""),
    ],
)
def test_a_line_of_a_log_is_told_by_its_reason(reason: str, line: str) -> None:
    assert reason == reason_in(line)
