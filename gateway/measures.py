"""Measures the gateway's requests, and shows the numbers of its parts."""

from collections.abc import Iterable
from typing import Final

from gateway.upstream.client import GuardedClient
from gateway.upstream.response_cache import ResponseCache
from mesh.client.metrics import measure_client
from mesh.security.verifier import Verifier
from mesh.telemetry import catalogue
from mesh.telemetry.methods import known_method
from mesh.telemetry.metrics import Metrics, Sample, Series

UNKNOWN_ROUTE: Final = "unknown"
"""Stands for every path without a route: a client may invent any number of them."""


class HttpMeasures:
    """Measures HTTP requests by method, route and status."""

    def __init__(self, metrics: Metrics) -> None:
        self.active = 0
        """Requests in work: the caller adds one, and calls `ended`."""
        self._durations = metrics.histogram(catalogue.HTTP_DURATION)
        self._known: dict[tuple[str, str | None, int | None], Series] = {}
        """The series of the requests with a known method, so that most requests cost one search."""
        metrics.add(lambda: [Sample(catalogue.HTTP_ACTIVE, self.active)])

    def ended(self, method: str, route: str | None, status: int | None, seconds: float, trace_id: str | None) -> None:
        """Count a request out; `status` is None if it had no response."""
        self.active -= 1
        series = self._known.get((method, route, status))
        if series is None:
            known = known_method(method)
            series = self._durations.series((known, route or UNKNOWN_ROUTE, status or ""))
            if known == method:
                self._known[method, route, status] = series
        series.observe(seconds, trace_id)


def measure_upstream(client: GuardedClient, verifier: Verifier, cache: ResponseCache, metrics: Metrics) -> None:
    """Show the numbers of the calls to services, and of the cache that saves them."""

    def samples() -> Iterable[Sample]:
        for name, guard in client.guards.items():
            yield Sample(catalogue.CALLS_IN_FLIGHT, guard.limiter.in_flight, (name,))
            yield Sample(catalogue.CALLS_LIMIT, guard.limiter.limit, (name,))
            yield Sample(catalogue.CIRCUIT_OPEN, not guard.breaker.closed, (name,))
            for reason, count in guard.shed.items():
                yield Sample(catalogue.SHED, count, (name, reason))

        yield Sample(catalogue.TOKENS, verifier.cached_tokens)
        yield Sample(catalogue.TOKENS_VERIFIED, verifier.verifications)
        yield Sample(catalogue.CACHE_SIZE, cache.size)
        yield from (Sample(catalogue.CACHE_READS, count, (result,)) for result, count in cache.stats.reads.items())
        yield from (Sample(catalogue.CACHE_DROPS, count, (reason,)) for reason, count in cache.stats.drops.items())

    metrics.add(samples)
    measure_client(client.client, metrics)
