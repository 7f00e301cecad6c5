"""Which answers are late."""

import random

import pytest

from mesh.client.hedging import SOONEST, LatencyHistogram


@pytest.mark.parametrize("scale", [0.001, 0.03, 0.2, 0.5])
def test_late_is_what_a_hundredth_of_the_answers_are(scale: float) -> None:
    chance = random.Random(1)  # the same in each run
    lateness = LatencyHistogram()
    times = [chance.expovariate(1 / scale) for _ in range(5000)]
    for one in times:
        lateness.record(one)
    late = sum(one > lateness.late for one in times) / len(times)
    assert late <= 0.02
    assert lateness.late == SOONEST or late >= 0.0005


def test_what_was_long_ago_counts_less() -> None:
    lateness = LatencyHistogram()
    for _ in range(2000):
        lateness.record(1.0)
    assert lateness.late >= 1.0
    for _ in range(10_000):
        lateness.record(0.001)
    assert SOONEST == lateness.late


def test_an_answer_beyond_all_bounds_is_counted() -> None:
    lateness = LatencyHistogram()
    for _ in range(200):
        lateness.record(1e9)
    assert 1 < lateness.late < 5
