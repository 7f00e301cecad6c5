import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.client.adaptive_limit import AdaptiveLimit


@pytest.fixture
def limiter() -> AdaptiveLimit:
    return AdaptiveLimit(lowest=2, initial=10, highest=20)


def fill(limiter: AdaptiveLimit) -> int:
    """How many calls went in."""
    before = limiter.in_flight
    while not limiter.full:
        limiter.enter()
    return limiter.in_flight - before


def test_no_more_go_in_than_the_limit(limiter: AdaptiveLimit) -> None:
    assert 10 == fill(limiter)


def test_who_leaves_makes_room(limiter: AdaptiveLimit) -> None:
    fill(limiter)
    limiter.leave(0, 1, congested=None)
    assert 1 == fill(limiter)


def test_congestion_shrinks_the_limit_once_a_round(limiter: AdaptiveLimit) -> None:
    fill(limiter)
    for _ in range(10):
        limiter.leave(started=0, now=5, congested=True)
    assert 8 == fill(limiter)
    limiter.leave(started=6, now=7, congested=True)
    assert limiter.limit == pytest.approx(6.4)


def test_congestion_leaves_the_lowest_limit(limiter: AdaptiveLimit) -> None:
    for second in range(100):
        limiter.enter()
        limiter.leave(second + 0.5, second + 1, congested=True)
    assert 2 == fill(limiter)


def test_a_round_of_good_answers_is_one_more(limiter: AdaptiveLimit) -> None:
    fill(limiter)
    for _ in range(10):
        limiter.leave(0, 1, congested=False)
        limiter.enter()
    assert limiter.limit == pytest.approx(11, abs=0.1)


def test_a_limit_that_nobody_comes_near_does_not_grow(limiter: AdaptiveLimit) -> None:
    for _ in range(100):
        limiter.enter()
        limiter.leave(0, 1, congested=False)
    assert limiter.limit == 10


def test_a_call_that_tells_nothing_changes_nothing(limiter: AdaptiveLimit) -> None:
    fill(limiter)
    for _ in range(10):
        limiter.leave(0, 1, congested=None)
    assert (10, 0) == (limiter.limit, limiter.in_flight)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10), st.sampled_from([True, False, None]))))
def test_the_limit_stays_within_its_bounds(calls: list[tuple[float, float, bool | None]]) -> None:
    limiter = AdaptiveLimit(lowest=2, initial=10, highest=20)
    for started, took, congested in calls:
        fill(limiter)
        assert 2 <= limiter.limit <= 20
        limiter.leave(started, started + took, congested=congested)
    fill(limiter)
    assert int(limiter.limit) <= limiter.in_flight <= 20
