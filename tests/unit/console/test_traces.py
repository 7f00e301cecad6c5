import pytest

from console.sources.traces import Span, Trace


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
