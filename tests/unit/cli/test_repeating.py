"""The figures of many requests."""

import asyncio

from cli.calling.repeating import Figures, percentile, repeated


async def test_every_request_is_sent_with_so_many_in_flight() -> None:
    running, most = 0, 0

    async def send() -> str | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return None

    figures = await repeated(send, 20, 3)
    assert (3, 20, 0) == (most, len(figures.seconds), figures.failures.total())


async def test_errors_are_counted_by_reason_and_have_no_duration() -> None:
    answers = iter([None, "customer_not_found", None, "customer_not_found", "overloaded"])

    async def send() -> str | None:
        return next(answers)

    document = (await repeated(send, 5, 1)).document()
    assert (5, 3) == (document["requests"], document["errors"])
    assert {"customer_not_found": 2, "overloaded": 1} == document["by_error"]


def test_a_percentile_is_a_duration_that_was_measured() -> None:
    seconds = [one / 1000 for one in range(100, 0, -1)]
    assert [50.0, 99.0, 100.0] == [percentile(seconds, share) for share in (50, 99, 100)]
    assert 7.0 == percentile([0.007], 50)


def test_without_replies_there_are_no_durations() -> None:
    assert (None, None) == (Figures().document()["p50_ms"], Figures().document()["max_ms"])
