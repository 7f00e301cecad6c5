from collections.abc import Mapping

import pytest

from console.sources.history import History
from console.sources.instances import EndpointRates, Instance
from console.sources.metrics import ProcessMetrics
from console.sources.percentiles import percentiles
from mesh.telemetry.catalogue import RPC_DURATION
from mesh.telemetry.scrape import Scrape, Value

ORDERS = "orders.get"
INFINITE = "+Inf"


Buckets = Mapping[float | str, float]


def scrape(at: float, **counts: Buckets) -> Scrape:
    """A scrape with the cumulative counts of a subject by bucket."""
    samples: list[Value] = [
        (
            f"{RPC_DURATION.name}_bucket",
            {"rpc_method": subject, "le": str(limit)},
            float(total),
        )
        for subject, buckets in counts.items()
        for limit, total in buckets.items()
    ]
    return Scrape(at, tuple(samples))


def p99(*processes: ProcessMetrics) -> dict[str, float]:
    return percentiles(processes, RPC_DURATION, "rpc_method", 0.99)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({0.005: 10, 0.01: 10, INFINITE: 10}, {0.005: 10, 0.01: 110, INFINITE: 110}, {"a": pytest.approx(9.95)}),
        ({0.005: 0, INFINITE: 0}, {0.005: 100, INFINITE: 100}, {"a": pytest.approx(4.95)}),
        ({0.005: 0, INFINITE: 0}, {0.005: 98, INFINITE: 100}, {"a": pytest.approx(5.0)}),
        ({0.005: 7, INFINITE: 7}, {0.005: 7, INFINITE: 7}, {}),
    ],
)
def test_the_p99_is_that_of_the_requests_between_two_scrapes(
    before: Buckets, now: Buckets, expected: dict[str, float]
) -> None:
    assert expected == p99(ProcessMetrics(scrape(1, a=before), scrape(2, a=now)))


def test_the_requests_of_all_processes_count_together() -> None:
    fast = ProcessMetrics(scrape(1), scrape(2, a={0.005: 100, 0.01: 100, INFINITE: 100}))
    slow = ProcessMetrics(scrape(1), scrape(2, a={0.005: 0, 0.01: 100, INFINITE: 100}))
    assert {"a": pytest.approx(9.9)} == p99(fast, slow)
    assert {} == p99(ProcessMetrics(None, scrape(2, a={0.005: 100, INFINITE: 100})))


def test_a_point_has_a_p99_where_metrics_have_one() -> None:
    rates = EndpointRates(ORDERS, 1, 0, 1.0, 0.0, 2.0, "")
    instance = Instance("orders", "one", "1", "ready", "", 0.0, "", "0", (rates,))
    history = History()
    history.add([instance], {ORDERS: 4.9})
    history.add([instance], {})
    assert [4.9, None] == [point.p99 for point in dict(history.items())[ORDERS]]
