from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.application import application
from cli.events.moments import age, moment


def ended(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(application(["events"]), ["events", *words])
    return result.exit_code, result.stderr


@pytest.mark.parametrize("which", [[], ["1", "--all"], ["1", "--service", "depot"], ["--all", "--service", "a.>"]])
@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_which_dead_letters_are_meant_must_be_clear(verb: str, which: list[str]) -> None:
    status, said = ended("dead", verb, *which)
    assert (2, 1) == (status, len(said.splitlines()))


@pytest.mark.parametrize("subject", ["", "a b", "a..b", ">.a", ".", "a\n"])
def test_what_is_no_subject_is_told_at_once(subject: str) -> None:
    assert (2, f"mesh: {subject!r} is not a subject\n") == ended("tail", subject)


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "1w", "-1h", "1.5h", "h", "", "\u0661h"),
        *("999999d", "9999999d", "2026-13-01", "0001-01-01T00:00+14:00"),
    ],
)
def test_what_is_no_moment_is_told_at_once(text: str) -> None:
    status, said = ended("replay", "depot", f"--since={text}")
    assert 2 == status
    assert "neither an age such as 15m" in " ".join(said.split())


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800)])
def test_an_age_is_so_long_before_now(text: str, seconds: int) -> None:
    before = datetime.now(UTC)
    assert timedelta(0) <= moment(text) - (before - timedelta(seconds=seconds)) < timedelta(seconds=30)


def test_a_time_without_a_zone_is_in_utc() -> None:
    assert datetime(2026, 11, 30, 17, tzinfo=UTC) == moment("2026-11-30T17:00:00") == moment("2026-11-30T18:00+01:00")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "0 s"), (3, "3 s"), (119, "119 s"), (130, "2 min"), (7200, "2 h"), (900_000, "10 d")]
)
def test_an_age_is_shown_in_a_unit_that_fits(seconds: int, shown: str) -> None:
    assert shown == age(datetime.now(UTC) - timedelta(seconds=seconds))
