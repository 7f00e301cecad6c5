"""How long a request was on its way, even where its caller's clock and ours differ."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

import structlog

log = structlog.get_logger()

BOUND: Final = 1.0
"""Seconds by which clocks may differ without a warning, and at most where a caller sends `Request-Deadline` alone."""
_RELEARN: Final = 5.0
_ENOUGH: Final = 3
_MOST_CALLERS: Final = 1000


@dataclass(slots=True)
class _Ages:
    """Ages of one caller's requests by the two clocks: the least since a moment, and the least of the time before."""

    least: float
    since: float
    before: float = inf
    count: int = 1
    told: bool = False


class Clocks:
    """The clocks of callers, each compared with ours by the requests that come.

    By the two clocks a request seems as old as it is, plus their difference. The youngest of a caller's recent requests
    was hardly on its way, so its seeming age is the difference. What another one seems older, it has waited. A caller's
    first request is taken for a fresh one: NATS keeps nothing for a worker that is not there yet. A difference that
    shrinks is learned at once. One that grows is learned after two spans of five seconds with three requests each.

    A caller is known by its inbox, and whoever has answered it can send a request in its name, with a time that makes
    all later ones seem old. So the caller's requests on one subject are compared by themselves as well, and the lesser
    wait counts: such a lie harms none but the subjects on which the liar may ask.

    Our clock is read at the start alone, and goes on as the event loop's does: to set it does no harm.
    """

    def __init__(self, now: float, clock: Callable[[], float] = time.time) -> None:
        """`now`: in the event loop's own time. `clock`: Unix time."""
        self._origin = clock() - now
        self._callers: dict[str, _Ages] = {}

    def waited(self, caller: str, subject: str, sent: float, now: float) -> float:
        """Seconds that a request was on its way; `sent` in Unix time by its caller's clock."""
        age = self._origin + now - sent
        return min(self._older(caller, age, now), self._older(f"{caller} {subject}", age, now))

    def _older(self, caller: str, age: float, now: float) -> float:
        """By how many seconds a request seems older than the youngest ones of this caller."""
        known = self._callers.get(caller)
        if known is None:
            if len(self._callers) >= _MOST_CALLERS:
                del self._callers[next(iter(self._callers))]
            self._callers[caller] = _Ages(age, now, told=" " in caller)  # one warning is enough
            return 0.0
        if now >= known.since + _RELEARN and known.count >= _ENOUGH:
            self._warn(caller, known)
            known.before, known.least, known.since, known.count = known.least, age, now, 1
        else:
            known.count += 1
            known.least = min(known.least, age)
        return age - min(known.least, known.before)

    def _warn(self, caller: str, known: _Ages) -> None:
        if abs(known.least) > BOUND and not known.told:
            known.told = True
            log.warning("clocks_differ", caller=caller, seconds=round(known.least, 1))
