import pytest

from bench.latency import Answer, percentile, since_due


def test_a_request_counts_from_when_it_was_sent() -> None:
    answers = [Answer(100.0, 200, 0.01), Answer(101.0, 200, 0.02)]

    assert pytest.approx([0.01, 0.02]) == list(since_due(answers, 1.0))


def test_what_waited_for_the_last_answer_counts_from_when_it_was_due() -> None:
    # One request a second; the first answer takes 2.5 s, so that the next two are sent late.
    answers = [Answer(100.0, 200, 2.5), Answer(102.5, 200, 0.1), Answer(102.6, 200, 0.1), Answer(103.0, 200, 0.1)]

    assert pytest.approx([2.5, 1.6, 0.7, 0.1]) == list(since_due(answers, 1.0))


def test_a_timer_of_the_client_that_rings_late_is_not_the_server_s_time() -> None:
    answers = [Answer(100.0, 200, 0.1), Answer(101.3, 200, 0.1)]

    assert pytest.approx([0.1, 0.1]) == list(since_due(answers, 1.0))


def test_a_request_that_is_early_is_no_faster_for_it() -> None:
    answers = [Answer(100.0, 200, 0.1), Answer(100.9, 200, 0.3)]

    assert pytest.approx([0.1, 0.3]) == list(since_due(answers, 1.0))


def test_answers_are_taken_in_the_order_of_their_requests() -> None:
    answers = [Answer(101.0, 200, 0.02), Answer(100.0, 200, 0.01)]

    assert pytest.approx([0.01, 0.02]) == list(since_due(answers, 1.0))


def test_percentiles_are_values_that_were_measured() -> None:
    ordered = [float(number) for number in range(1, 101)]

    assert (50.0, 99.0, 100.0) == (percentile(ordered, 50), percentile(ordered, 99), percentile(ordered, 100))
    assert (7.0, 7.0) == (percentile([7.0], 1), percentile([7.0], 99))
    assert percentile([], 99) == 0.0
