"""Reads a moment from the command line as an age or a time, and shows it as an age."""

import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGE = re.compile(r"([0-9]{1,6})([smhd])")


def moment(text: str) -> datetime:
    """Read `90s`, `15m`, `1h`, `2d` before now, or a time of RFC 3339 such as 2026-11-30T17:00:00Z."""
    said = text.strip()
    try:
        if found := _AGE.fullmatch(said):
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
        time = datetime.fromisoformat(said)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is neither an age such as 15m, 1h or 2d nor a time") from None


def age(since: datetime) -> str:
    """How long ago it was, in the largest unit of which there are at least two."""
    seconds = max(0.0, (datetime.now(UTC) - since).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
