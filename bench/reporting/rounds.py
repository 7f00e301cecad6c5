"""Rounds in alternating order, and the paired ratios of two systems' rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """A median and the range that it comes from."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)}-{_short(self.high)})"


def rotated(systems: Sequence[T], turn: int) -> list[T]:
    """The systems in the order of this round: each takes each place in turn, and every other round runs backwards.

    So drift of the machine, such as heat or other work, affects all systems equally.
    """
    start = (turn // 2) % len(systems)
    order = [*systems[start:], *systems[:start]]
    return order if turn % 2 == 0 else order[::-1]


def spread(values: Sequence[float]) -> Spread:
    """The median and range. Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    return Spread(median(values), min(values), max(values))


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Our values divided by theirs, round by round: what slowed a round affects both, and cancels out.

    Raises ValueError if the numbers of rounds differ or are 0.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds against {len(theirs)}")
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])


def _short(value: float) -> str:
    """Round to three significant digits: 0.213, 4.17, 21.4, 1320."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:.0f}"
    return f"{value:.3g}" if value < 0.1 else f"{value:.3f}"[:5].rstrip(".")  # noqa: PLR2004
