import pytest

from mesh.service.queue import Backlog


@pytest.fixture
def backlog() -> Backlog[int]:
    """Before two handlers that take a second each."""
    made = Backlog[int](handlers=2, size=4)
    for _ in range(200):
        made.learn(1.0)
    return made


def test_who_came_first_is_first(backlog: Backlog[int]) -> None:
    for number in range(3):
        backlog.append(number)
    assert [0, 1, 2, None] == [backlog.next() for _ in range(4)]


def test_it_takes_no_more_than_its_size(backlog: Backlog[int]) -> None:
    for number in range(4):
        assert backlog.refusal(3600) is None
        backlog.append(number)
    assert "queue_full" == backlog.refusal(3600)


def test_a_quarter_of_the_time_left_may_be_spent_waiting(backlog: Backlog[int]) -> None:
    backlog.append(0)  # one before, and one at work, for two handlers: a second
    assert backlog.refusal(4.1) is None
    assert "queue_too_slow" == backlog.refusal(3.9)


def test_what_would_have_its_turn_and_no_time_is_refused() -> None:
    backlog = Backlog[int](handlers=100, size=4)
    for _ in range(200):
        backlog.learn(1.0)
    assert backlog.refusal(1.1) is None
    assert "queue_too_slow" == backlog.refusal(0.9)


def test_a_backlog_that_knows_nothing_yet_takes_everybody() -> None:
    assert Backlog[int](handlers=1, size=1).refusal(0.001) is None
