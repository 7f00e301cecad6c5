"""Measures how long a request was in transit, even if the caller's clock differs from ours."""

import time
from collections.abc import Callable
from dataclasses import dataclass
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
    """The least apparent age of one caller's requests: in the current span, and in both this and the previous one."""

    least: float
    least_of_both: float
    since: float
    count: int = 1
    warned: bool = False


class Clocks:
    """Compares the clock of each caller with ours.

    A request's apparent age is its true age plus the difference of the two clocks. The youngest recent request of a
    caller has hardly waited, so its apparent age is the difference. Any excess over that is time in transit. A caller's
    first request counts as fresh: NATS stores nothing for an absent worker. A smaller difference is learned at once, a
    larger one after two spans of five seconds with three requests each.

    A caller is identified by its inbox. Whoever has replied to it can send a request in its name, with a time that
    makes all later ones seem old. So the caller's requests on one subject are also compared among themselves, and the
    lesser time counts. Such a forgery affects only subjects that the forger may call.

    Our clock is read once, at the start, and then follows the event loop's. Setting the machine's clock changes
    nothing.
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
        """Seconds that a request was in transit. `sent` is Unix time by its caller's clock."""
        age = self._origin + now - sent
        return min(self._older(caller, age, now), self._older(f"{caller} {subject}", age, now))

    def _older(self, caller: str, age: float, now: float) -> float:
        """Seconds by which a request seems older than the youngest ones of this caller."""
        known = self._callers.get(caller)
        if known is None:
            if len(self._callers) >= _MOST_CALLERS:
                del self._callers[next(iter(self._callers))]
            self._callers[caller] = _Ages(age, age, now, warned=" " in caller)  # one warning is enough
            return 0.0
        if now >= known.since + _RELEARN and known.count >= _ENOUGH:
            self._warn(caller, known)
            known.least_of_both = min(age, known.least)
            known.least, known.since, known.count = age, now, 1
        else:
            known.count += 1
            if age < known.least:
                known.least = age
                known.least_of_both = min(age, known.least_of_both)
        return age - known.least_of_both

    def _warn(self, caller: str, known: _Ages) -> None:
        if abs(known.least) > BOUND and not known.warned:
            known.warned = True
            log.warning("clocks_differ", caller=caller, seconds=round(known.least, 1))
