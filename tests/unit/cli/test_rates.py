"""What `mesh top` makes of two readings."""

from collections.abc import Mapping

from cli.observe.rates import rates
from mesh.telemetry import catalogue
from mesh.telemetry.scrape import Scrape

WORKER = {catalogue.HANDLERS.name: 3.0, catalogue.HANDLERS_MOST.name: 64.0, catalogue.QUEUE.name: 2.0}


def scrape(at: float, counts: Mapping[str, float], numbers: Mapping[str, float] = WORKER, cpu: float = 0.0) -> Scrape:
    count = f"{catalogue.RPC_DURATION.name}_count"
    return Scrape(
        at,
        (
            *((count, {"rpc_response_status_code": outcome}, value) for outcome, value in counts.items()),
            *((name, {}, value) for name, value in numbers.items()),
            ("process_cpu_seconds_total", {}, cpu),
        ),
    )


def test_rates_are_growth_by_time_and_the_callers_faults_are_no_errors() -> None:
    before = scrape(10.0, {"ok": 100, "not_found": 5, "internal": 1}, cpu=1.0)
    now = scrape(12.0, {"ok": 120, "not_found": 15, "internal": 3}, cpu=1.5)
    found = rates("customers-1", before, now)
    assert (16.0, 1.0, 25.0) == (found.per_second, found.errors_per_second, found.cpu_percent)
    assert ("ready", 3, 2, None) == (found.state, found.in_flight, found.queue, found.lag)


def test_a_process_that_was_restarted_has_no_rates_yet() -> None:
    found = rates("customers", scrape(10.0, {"ok": 100}, cpu=9.0), scrape(12.0, {"ok": 1}, cpu=0.5))
    assert (None, None, 3) == (found.per_second, found.cpu_percent, found.in_flight)


def test_a_process_that_does_not_answer_or_is_not_ready_says_so() -> None:
    assert "does not answer" == rates("customers", None, None).state
    idle = scrape(1.0, {}, {catalogue.READY.name: 0.0})
    assert "not ready" == rates("customers", None, idle).state
