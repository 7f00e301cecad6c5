"""When a read asks a second instance: once its answer is later than nearly all of that endpoint's are (ADR 14)."""

from bisect import bisect_left
from typing import Final

from mesh.client.instances import Instances
from mesh.client.retry import RetryBudget
from mesh.transport.base import Resend

SOONEST: Final = 0.02
"""Seconds: before that, to ask again would cost more than it can gain."""
_GROWTH = 3.0
_LONGEST = 0.5
"""Seconds between two hedges at most: so soon a lost instance is noticed, and then another one is asked."""
_UNKNOWN = 0.1
"""Seconds after which an endpoint's answer counts as late before enough of them are known."""
_BOUNDS: Final = tuple(SOONEST * 1.25**step for step in range(24))
"""Of the histogram, in seconds: up to 3.4, each a quarter above the one before."""
_QUANTILE = 0.99
_EVERY = 100
_REMEMBERED = 1000
_AT_MOST = 2

_PER_REQUEST = 0.1
_MOST_SAVED = 64.0
"""As many as one worker has at work: so many may be lost with it."""


class Lateness:
    """The 99th percentile of an endpoint's recent answers, by a histogram of fixed size."""

    __slots__ = ("_counts", "_fresh", "late")

    def __init__(self) -> None:
        self.late = _UNKNOWN
        """Seconds after which an answer is late."""
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._fresh = 0

    def record(self, seconds: float) -> None:
        """Take an answer into account."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._fresh += 1
        if self._fresh == _EVERY:
            self._settle()

    def _settle(self) -> None:
        self._fresh = 0
        counts, total = self._counts, sum(self._counts)
        within, place = counts[0], 0
        while within < _QUANTILE * total:
            place += 1
            within += counts[place]
        self.late = _BOUNDS[min(place, len(_BOUNDS) - 1)]
        if total >= _REMEMBERED:  # what was long ago counts less and less
            self._counts = [count // 2 for count in counts]


class HedgeBudget:
    """How often the calls of one service may be sent once more than they are answered.

    A read may ask a second instance for a tenth of the reads, and within the budget of retries.
    """

    def __init__(self, service: str, instances: Instances | None) -> None:
        self.retries = RetryBudget()
        self._service = service
        self._instances = instances
        self._hedges = RetryBudget(_PER_REQUEST, per_second=0, most=_MOST_SAVED)

    @property
    def hedges(self) -> bool:
        """Whether there is a second instance that a read may ask."""
        return self._instances is not None and self._instances.several(self._service)

    def hedged(self, late: float) -> Resend:
        """The rule for a read whose answer is late after so many seconds."""
        self._hedges.request()
        return Resend(late, _Hedge(self).allowed, _GROWTH, _LONGEST)

    def refused(self, *, promptly: bool) -> None:
        """Learn that the service refused a request: it suffers, so that nothing which was saved counts any more."""
        self._hedges.forfeit()
        if not promptly:
            self.retries.forfeit()

    def hedge(self) -> bool:
        """Whether one more hedge is in the budget; it is spent then."""
        return self._hedges.spend() and self.retries.spend()

    def replace(self) -> bool:
        """Whether a request may be sent once more because an instance was lost, perhaps with it; that is spent then."""
        return (self._instances is None or self._instances.lost(self._service)) and self.retries.spend()

    def resend(self) -> bool:
        """Whether a request may be sent once more after a long silence; that is spent then.

        Not where the only instance is known to live: its work is slow, and more of it would be slower still.
        """
        return (self.hedges and self.retries.spend()) or self.replace()


class _Hedge:
    """The hedges of one request: two, and further ones only where an instance was lost."""

    __slots__ = ("_asked", "_budget")

    def __init__(self, budget: HedgeBudget) -> None:
        self._budget = budget
        self._asked = 0

    def allowed(self) -> bool:
        """Whether to ask once more now."""
        self._asked += 1
        return self._budget.hedge() if self._asked <= _AT_MOST else self._budget.replace()
