import pytest

from mesh.telemetry.bucket import Bucket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("each_second", "admitted"), [(3, 3), (5, 5), (500, 5)])
def test_what_is_seldom_is_admitted_whole_and_what_is_often_as_often_as_allowed(
    each_second: int, admitted: int
) -> None:
    clock = Clock()
    bucket = Bucket(5, clock)
    counts = []
    for _ in range(60):
        taken = 0
        for _ in range(each_second):
            clock.now += 1 / each_second
            taken += bucket.take()
        counts.append(taken)
    assert admitted == round(sum(counts[-30:]) / 30)


def test_after_a_quiet_time_ten_times_as_many_are_admitted_at_once() -> None:
    clock = Clock()
    bucket = Bucket(5, clock)
    assert 50 == sum(bucket.take() for _ in range(100))
    clock.now += 1
    assert 5 == sum(bucket.take() for _ in range(100))
    clock.now += 3600
    assert 50 == sum(bucket.take() for _ in range(100))


def test_zero_admits_everything() -> None:
    bucket = Bucket(0)
    assert all(bucket.take() for _ in range(1000))
