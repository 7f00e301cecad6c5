"""A request as a waterfall."""

import pytest

from cli.observe.trace import Step, Waterfall, show


def step(span: str, parent: str = "", after: float = 0.0, ms: float = 1.0, **more: object) -> Step:
    about = {
        "span_id": span,
        "parent_id": parent,
        "name": span,
        "service": "orders",
        "error": "",
        "after_ms": after,
        "ms": ms,
    }
    return Step.model_validate({**about, **more})


def lines(capsys: pytest.CaptureFixture[str], *steps: Step) -> list[str]:
    found = {"trace_id": "t", "request_id": "r", "name": "GET /", "status": 200, "ms": 8.0, "dropped": 0, "logs": ()}
    show(Waterfall.model_validate({**found, "steps": steps}))
    return capsys.readouterr().out.splitlines()[4:]


def test_children_stand_below_their_parent_and_bars_where_they_ran(capsys: pytest.CaptureFixture[str]) -> None:
    root, child, after = lines(
        capsys, step("a", ms=8.0), step("b", "a", after=4.0, ms=4.0), step("c", links=("b",), after=8.0, ms=0.0)
    )
    assert ["a", "  b", "    c"] == [
        one.split("█")[0].removeprefix("orders   ").rstrip() for one in (root, child, after)
    ]
    assert [32, 16, 1] == [one.count("█") for one in (root, child, after)]
    assert child.index("█") == root.index("█") + 16


def test_a_step_that_failed_says_so_and_obeys_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    (only,) = lines(capsys, step("a\x1b[31m", error="not_found"))
    assert "failed: not_found" in only
    assert only.isprintable()


def test_steps_that_name_each_other_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == len(lines(capsys, step("a"), step("b", "c"), step("c", "b")))
