"""What `mesh top` shows of one process: the difference between two readings of its metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from mesh.core.errors import Code
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metric
from mesh.telemetry.scrape import Scrape, grown, quantile

_SERVERS_FAULT: Final = 500
"""HTTP statuses and numbers of codes from which on an error is the server's."""
_RESIDENT: Final = "process_resident_memory_bytes"
_CPU: Final = "process_cpu_seconds_total"


@dataclass(frozen=True)
class Rates:
    """One process over the last seconds. Numbers that it does not have are None."""

    process: str
    state: str
    """`ready`, `not ready` or `does not answer`."""
    per_second: float | None = None
    errors_per_second: float | None = None
    """Errors that are the server's fault: HTTP 5xx, and the codes like them."""
    p50_ms: float | None = None
    """Estimated from the histogram, whose first bound is 5 ms."""
    p99_ms: float | None = None
    in_flight: int | None = None
    queue: int | None = None
    """Requests that wait for a handler."""
    lag: int | None = None
    """Durable events that wait for this service."""
    cpu_percent: float | None = None
    """Of one core."""
    memory_bytes: int | None = None

    def document(self) -> dict[str, Any]:
        """The figures as JSON."""
        return asdict(self)


def rates(process: str, before: Scrape | None, now: Scrape | None) -> Rates:
    """The figures of a process between two readings; None is a reading that failed."""
    if now is None:
        return Rates(process, "does not answer")
    ready = now.sum(catalogue.READY.name)
    state = "not ready" if ready == 0 else "ready"
    return Rates(
        process,
        state,
        in_flight=_count(now, catalogue.HTTP_ACTIVE, catalogue.HANDLERS),
        queue=_count(now, catalogue.QUEUE),
        lag=_count(now, catalogue.CONSUMER_PENDING),
        memory_bytes=int(now.sum(_RESIDENT) or 0),
        **_traffic(before, now),
    )


def _traffic(before: Scrape | None, now: Scrape) -> dict[str, float | None]:
    """What needs two readings, of a process that has not been restarted between them."""
    if before is None or now.at <= before.at or (now.sum(_CPU) or 0) < (before.sum(_CPU) or 0):
        return {}
    seconds = now.at - before.at
    found: dict[str, float | None] = {"cpu_percent": 100 * ((now.sum(_CPU) or 0) - (before.sum(_CPU) or 0)) / seconds}
    for metric, label in _requests(now):
        by_outcome = grown(before, now, f"{metric.name}_count", label)
        failed = sum(count for outcome, count in by_outcome.items() if _is_servers_fault(outcome))
        found |= {"per_second": sum(by_outcome.values()) / seconds, "errors_per_second": failed / seconds}
        for name, share in {"p50_ms": 0.5, "p99_ms": 0.99}.items():
            took = quantile(before, now, metric.name, share)
            found[name] = None if took is None else took * 1000
    return found


def _requests(now: Scrape) -> Iterator[tuple[Metric, str]]:
    """The histogram of the requests that a process answers, and the label with their outcome."""
    if now.sum(catalogue.HANDLERS_MOST.name) is not None:
        yield catalogue.RPC_DURATION, "rpc_response_status_code"
    elif now.sum(catalogue.HTTP_ACTIVE.name) is not None:
        yield catalogue.HTTP_DURATION, "http_response_status_code"


_NUMBERS: Final[Mapping[str, int]] = {code.value: code.number for code in Code} | {"ok": 200}


def _is_servers_fault(outcome: str) -> bool:
    """Whether an HTTP status or a code says so. An unknown word does."""
    number = int(outcome) if outcome.isdecimal() else _NUMBERS.get(outcome, _SERVERS_FAULT)
    return number >= _SERVERS_FAULT


def _count(now: Scrape, *metrics: Metric) -> int | None:
    found = [value for metric in metrics if (value := now.sum(metric.shown)) is not None]
    return int(sum(found)) if found else None
