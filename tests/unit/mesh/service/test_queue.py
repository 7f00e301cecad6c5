import pytest

from mesh.service.queue import RequestQueue


@pytest.fixture
def queue() -> RequestQueue[int]:
    """Before two handlers that take a second each."""
    made = RequestQueue[int](handlers=2, size=4)
    for _ in range(200):
        made.learn(1.0)
    return made


def test_who_came_first_is_first(queue: RequestQueue[int]) -> None:
    for number in range(3):
        queue.append(number)
    assert [0, 1, 2, None] == [queue.next() for _ in range(4)]


def test_it_takes_no_more_than_its_size(queue: RequestQueue[int]) -> None:
    for number in range(4):
        assert queue.refusal(3600) is None
        queue.append(number)
    assert "queue_full" == queue.refusal(3600)


def test_a_quarter_of_the_time_left_may_be_spent_waiting(queue: RequestQueue[int]) -> None:
    queue.append(0)  # one before, and one at work, for two handlers: a second
    assert queue.refusal(4.1) is None
    assert "queue_too_slow" == queue.refusal(3.9)


def test_what_would_have_its_turn_and_no_time_is_refused() -> None:
    queue = RequestQueue[int](handlers=100, size=4)
    for _ in range(200):
        queue.learn(1.0)
    assert queue.refusal(1.1) is None
    assert "queue_too_slow" == queue.refusal(0.9)


def test_a_queue_that_knows_nothing_yet_takes_everybody() -> None:
    assert RequestQueue[int](handlers=1, size=1).refusal(0.001) is None
