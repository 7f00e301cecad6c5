"""Measures how long a request was on its way, even if the caller's clock differs from ours."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

import structlog

log = structlog.get_logger()

BOUND: Final = 1.0
"""Seconds by which clocks may differ without a warning, or at all if a caller sends only `Request-Deadline`."""
_RELEARN: Final = 5.0
_ENOUGH: Final = 3
_MOST_CALLERS: Final = 1000


@dataclass(slots=True)
class _Ages:
    """The least age of one caller's requests by the two clocks, in the current span and in the one before."""

    least: float
    since: float
    before: float = inf
    count: int = 1
    warned: bool = False


class Clocks:
    """Compares the clock of each caller with ours.

    The apparent age of a request is its true age plus the difference of the clocks. The youngest of a caller's recent
    requests has hardly waited, so its apparent age is the difference; the excess of any other is its wait. A caller's
    first request counts as fresh: NATS stores nothing for a worker that is not there yet. A smaller difference is
    learned at once, a larger one after two spans of five seconds with three requests each.

    A caller is known by its inbox, and whoever has replied to it can send a request in its name, with a time that makes
    all later ones seem old. So the caller's requests on one subject are also compared by themselves, and the lesser
    wait counts: such a lie harms only the subjects that the liar may call.

    Our clock is read once, at the start, and then follows the event loop's: setting it changes nothing.
    """

    def __init__(self, now: float, clock: Callable[[], float] = time.time) -> None:
        """`now` is in the event loop's time; `clock` returns Unix time."""
        self._origin = clock() - now
        self._callers: dict[str, _Ages] = {}

    @property
    def known(self) -> int:
        """How many callers, and callers' subjects, it keeps ages of."""
        return len(self._callers)

    def waited(self, caller: str, subject: str, sent: float, now: float) -> float:
        """Seconds that a request was on its way; `sent` is Unix time by its caller's clock."""
        age = self._origin + now - sent
        return min(self._older(caller, age, now), self._older(f"{caller} {subject}", age, now))

    def _older(self, caller: str, age: float, now: float) -> float:
        """By how many seconds a request seems older than the youngest ones of this caller."""
        known = self._callers.get(caller)
        if known is None:
            if len(self._callers) >= _MOST_CALLERS:
                del self._callers[next(iter(self._callers))]
            self._callers[caller] = _Ages(age, now, warned=" " in caller)  # one warning is enough
            return 0.0
        if now >= known.since + _RELEARN and known.count >= _ENOUGH:
            self._warn(caller, known)
            known.before, known.least, known.since, known.count = known.least, age, now, 1
        else:
            known.count += 1
            known.least = min(known.least, age)
        return age - min(known.least, known.before)

    def _warn(self, caller: str, known: _Ages) -> None:
        if abs(known.least) > BOUND and not known.warned:
            known.warned = True
            log.warning("clocks_differ", caller=caller, seconds=round(known.least, 1))
