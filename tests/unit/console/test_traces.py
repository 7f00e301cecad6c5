import pytest

from console.sources.traces import Span, Trace, Traces
from mesh.telemetry.attributes import LATE


def span(start: int, error: str, parent: str = "") -> Span:
    return Span("trace", f"step {start}", parent, "name", "server", "gateway", "", start, start + 10, error)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (["504", "deadline_exceeded"], "deadline_exceeded"),
        (["504", ""], "504"),
        (["", "not_found"], "not_found"),
        (["", ""], ""),
    ],
)
def test_a_request_shows_the_reason_of_a_step_before_its_own_status(errors: list[str], expected: str) -> None:
    root, below = errors
    trace = Trace("trace", [span(2, below, parent="step 1"), span(1, root)])
    assert expected == trace.summary()["error"]


def test_the_traces_a_second_are_those_that_began_since_the_last_time() -> None:
    traces = Traces(1000)
    traces.measure(100.0)
    traces.add(
        Span(f"{number:032}", step, "", "GET", "server", "gateway", "", 0, 1, "")
        for number in range(30)
        for step in "ab"
    )
    traces.measure(110.0)
    assert 3.0 == traces.rate
    traces.measure(120.0)
    assert 0.0 == traces.rate


def test_a_request_that_was_traced_when_it_ended_says_so() -> None:
    late = Span("trace", "a", "", "GET", "server", "gateway", "", 0, 1, "503", {LATE: True})
    assert [True, False] == [Trace("trace", [one]).summary()["late"] for one in (late, span(1, ""))]
