"""Hedging: a read asks a second instance once its reply is later than the endpoint's 99th percentile (ADR 14)."""

from bisect import bisect_left
from typing import Final

from mesh.client.instances import Instances
from mesh.client.retry import RetryBudget
from mesh.transport.base import Resend

SOONEST: Final = 0.02
"""Seconds; an earlier hedge would cost more than it can gain."""
_GROWTH = 3.0
_LONGEST = 0.5
"""Seconds between two hedges at most, so that a lost instance is noticed soon."""
_UNKNOWN = 0.1
"""Seconds after which a reply counts as late until enough replies are known."""
_BOUNDS: Final = tuple(SOONEST * 1.25**step for step in range(24))
"""Bounds of the histogram in seconds: up to 3.4, each a quarter above the last."""
_QUANTILE = 0.99
_EVERY = 100
_REMEMBERED = 1000
_AT_MOST = 2

_PER_REQUEST = 0.1
_MOST_SAVED = 64.0
"""The default concurrency of a worker: so many requests may be lost with it."""


class LatencyHistogram:
    """The 99th percentile of an endpoint's recent reply times, from a histogram of fixed size."""

    __slots__ = ("_counts", "_fresh", "late")

    def __init__(self) -> None:
        self.late = _UNKNOWN
        """Seconds after which a reply is late."""
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._fresh = 0

    def record(self, seconds: float) -> None:
        """Record a reply time."""
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
        if total >= _REMEMBERED:  # older replies count less and less
            self._counts = [count // 2 for count in counts]


class HedgeBudget:
    """The budget of repeated requests to one service.

    Hedges are a tenth of the reads at most, and count as retries too.
    """

    def __init__(self, service: str, instances: Instances | None) -> None:
        self.retries = RetryBudget()
        self._service = service
        self._instances = instances
        self._hedges = RetryBudget(_PER_REQUEST, per_second=0, most=_MOST_SAVED)

    @property
    def hedges(self) -> bool:
        """Whether a second instance exists for hedged reads."""
        return self._instances is not None and self._instances.several(self._service)

    def hedged(self, late: float) -> Resend:
        """The resend rule of a read that is late after `late` seconds."""
        self._hedges.request()
        return Resend(late, _Hedge(self).allowed, _GROWTH, _LONGEST)

    def refused(self, *, promptly: bool) -> None:
        """Record that the service refused a request: it is overloaded, so the saved budget is forfeited."""
        self._hedges.forfeit()
        if not promptly:
            self.retries.forfeit()

    def hedge(self) -> bool:
        """Spend one hedge. False if the budget has none."""
        return self._hedges.spend() and self.retries.spend()

    def replace(self) -> bool:
        """Spend one retry if an instance, and perhaps the request, was lost. False otherwise."""
        return (self._instances is None or self._instances.lost(self._service)) and self.retries.spend()

    def resend(self) -> bool:
        """Spend one retry after a long silence. False if the budget has none, or the only instance is alive.

        A live instance that does not reply is slow, and more requests would make it slower.
        """
        return (self.hedges and self.retries.spend()) or self.replace()


class _Hedge:
    """The hedges of one request: two, and more only if an instance was lost."""

    __slots__ = ("_asked", "_budget")

    def __init__(self, budget: HedgeBudget) -> None:
        self._budget = budget
        self._asked = 0

    def allowed(self) -> bool:
        """Whether to send the request once more now."""
        self._asked += 1
        return self._budget.hedge() if self._asked <= _AT_MOST else self._budget.replace()
