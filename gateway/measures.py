"""Measures the gateway's requests, and shows the numbers of its parts."""

from collections.abc import Iterable
from typing import Final

from gateway.upstream.client import GuardedClient
from mesh.client.metrics import measure_client
from mesh.security.verifier import Verifier
from mesh.telemetry import catalogue
from mesh.telemetry.methods import known_method
from mesh.telemetry.metrics import Metrics, Sample

UNKNOWN_ROUTE: Final = "unknown"
"""Stands for every path without a route: a client may invent any number of them."""


class HttpMeasures:
    """Measures HTTP requests by method, route and status."""

    def __init__(self, metrics: Metrics) -> None:
        self._active = 0
        self._durations = metrics.histogram(catalogue.HTTP_DURATION)
        metrics.add(lambda: [Sample(catalogue.HTTP_ACTIVE, self._active)])

    def began(self) -> None:
        """Count a request in. The caller must call `ended`."""
        self._active += 1

    def ended(self, method: str, route: str | None, status: int | None, seconds: float, trace_id: str | None) -> None:
        """Count a request out; `status` is None if it had no response."""
        self._active -= 1
        self._durations.observe((known_method(method), route or UNKNOWN_ROUTE, status or ""), seconds, trace_id)


def measure_upstream(client: GuardedClient, verifier: Verifier, metrics: Metrics) -> None:
    """Show the numbers of the calls to services."""

    def samples() -> Iterable[Sample]:
        for name, guard in client.guards.items():
            yield Sample(catalogue.CALLS_IN_FLIGHT, guard.limiter.in_flight, (name,))
            yield Sample(catalogue.CALLS_LIMIT, guard.limiter.limit, (name,))
            yield Sample(catalogue.CIRCUIT_OPEN, not guard.breaker.closed, (name,))
            for reason, count in guard.shed.items():
                yield Sample(catalogue.SHED, count, (name, reason))

        yield Sample(catalogue.TOKENS, verifier.cached_tokens)
        yield Sample(catalogue.TOKENS_VERIFIED, verifier.verifications)

    metrics.add(samples)
    measure_client(client.client, metrics)
