from itertools import permutations

import pytest

from bench.reporting.rounds import Spread, paired, rotated, spread


def test_three_systems_take_every_order_in_six_rounds() -> None:
    orders = {tuple(rotated("abc", turn)) for turn in range(6)}

    assert set(permutations("abc")) == orders


def test_the_order_of_two_systems_alternates() -> None:
    assert ["ab", "ba", "ba", "ab"] == ["".join(rotated("ab", turn)) for turn in range(4)]


def test_a_slow_round_falls_out_of_paired_ratios() -> None:
    ours, theirs = [1.0, 10.0, 2.0], [2.0, 20.0, 4.0]

    assert Spread(0.5, 0.5, 0.5) == paired(ours, theirs)


def test_a_ratio_is_the_median_of_the_rounds_with_their_range() -> None:
    assert Spread(2.0, 1.0, 4.0) == paired([4.0, 2.0, 1.0], [1.0, 1.0, 1.0])


@pytest.mark.parametrize("theirs", [[1.0], []])
def test_rounds_that_do_not_match_are_no_pairs(theirs: list[float]) -> None:
    with pytest.raises(ValueError, match="rounds against"):
        paired([1.0, 2.0], theirs)


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


@pytest.mark.parametrize(
    ("value", "shown"), [(0.2134, "0.213"), (0.012345, "0.0123"), (4.1739, "4.174"), (21.42, "21.42"), (1320.4, "1320")]
)
def test_a_spread_shows_the_digits_that_mean_something(value: float, shown: str) -> None:
    assert f"{shown} ({shown}-{shown})" == str(spread([value]))
