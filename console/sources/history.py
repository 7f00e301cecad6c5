"""The last minutes of each endpoint, for the small charts."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import ItemsView, Iterable, Mapping
from typing import Final, NamedTuple

from console.sources.instances import EndpointRates, Instance

POINTS: Final = 120
_MOST_SUBJECTS: Final = 500


class Point(NamedTuple):
    """An endpoint between two looks, over all its instances."""

    rate: float
    """Requests a second."""
    error_rate: float
    ms: float | None
    """Mean milliseconds; None without a request."""
    p99: float | None
    """Milliseconds that 99 of 100 requests did not exceed; None without a request, or without metrics."""


class History:
    """The newest points of each subject, the oldest first."""

    def __init__(self) -> None:
        self._points: OrderedDict[str, deque[Point]] = OrderedDict()

    def items(self) -> ItemsView[str, deque[Point]]:
        """The points by subject."""
        return self._points.items()

    def add(self, instances: Iterable[Instance], p99: Mapping[str, float]) -> None:
        """Add a point for each endpoint. `p99` has milliseconds by subject."""
        by_subject: dict[str, list[EndpointRates]] = defaultdict(list)
        for instance in instances:
            for endpoint in instance.endpoints:
                by_subject[endpoint.subject].append(endpoint)
        for subject, ones in by_subject.items():
            points = self._points.setdefault(subject, deque(maxlen=POINTS))
            points.append(_point(ones, p99.get(subject)))
        while len(self._points) > _MOST_SUBJECTS:
            self._points.popitem(last=False)


def _point(ones: Iterable[EndpointRates], p99: float | None) -> Point:
    rate = error_rate = weighted = 0.0
    for one in ones:
        rate += one.rate
        error_rate += one.error_rate
        weighted += (one.ms or 0.0) * one.rate
    return Point(
        round(rate, 3),
        round(error_rate, 3),
        round(weighted / rate, 3) if rate else None,
        None if p99 is None else round(p99, 3),
    )
