import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.core.errors import DeadlineExceeded, Disconnected
from mesh.transport.base import Message, Resend
from mesh.transport.pending_replies import PendingReplies
from mesh.transport.timer import TICK
from tests.support.virtual_clock import VirtualLoop


def run(work: Callable[[PendingReplies], Awaitable[None]]) -> None:
    """Do it on a clock of its own, and see that nothing is left behind."""
    loop = VirtualLoop()

    async def whole() -> None:
        replies = PendingReplies()
        await work(replies)
        assert {} == replies.by_token
        await asyncio.sleep(100)
        assert not replies.timed, "with nobody waiting there is no timer"

    loop.run(whole())
    loop.close()


async def ask(
    replies: PendingReplies, timeout: float, resend: Resend | None = None, again: list[float] | None = None
) -> None:
    loop = asyncio.get_running_loop()
    token, waiting = replies.add("work.do", timeout, resend)
    if again is not None:
        waiting.send_again = lambda: again.append(loop.time())
    try:
        await waiting.future
    finally:
        replies.remove(token)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1)), min_size=1, max_size=20))
def test_a_deadline_is_never_early_and_at_most_a_tick_late(requests: list[tuple[float, float]]) -> None:
    async def work(replies: PendingReplies) -> None:
        loop = asyncio.get_running_loop()

        async def one(start: float, timeout: float) -> float:
            await asyncio.sleep(start)
            began = loop.time()
            with pytest.raises(DeadlineExceeded, match=r"work\.do"):
                await ask(replies, timeout)
            return loop.time() - began - timeout

        for late in await asyncio.gather(*(one(*request) for request in requests)):
            assert -1e-9 <= late <= TICK + 1e-9

    run(work)


def test_it_is_asked_again_by_the_rule_until_the_answer_comes() -> None:
    async def work(replies: PendingReplies) -> None:
        allowed = iter([True, False, True, True])
        again: list[float] = []
        asking = asyncio.ensure_future(ask(replies, 60, Resend(1.0, lambda: next(allowed)), again))
        await asyncio.sleep(3.5)
        assert [1.0, 3.0] == pytest.approx(again, abs=4 * TICK)
        [token] = replies.by_token
        replies.resolve(Message(f"_INBOX_me.{token}", b"yes"))
        await asking
        await asyncio.sleep(10)
        assert 2 == len(again)

    run(work)


def test_who_was_held_up_itself_reads_what_has_come_before_it_asks_again() -> None:
    async def work(replies: PendingReplies) -> None:
        loop = asyncio.get_running_loop()
        again: list[float] = []
        asking = asyncio.ensure_future(ask(replies, 60, Resend(1.0, lambda: True), again))
        await asyncio.sleep(0.5)
        [token] = replies.by_token
        answer = Message(f"_INBOX_me.{token}", b"yes")
        assert isinstance(loop, VirtualLoop)
        loop.hold_up(5)
        loop.call_soon(loop.call_soon, replies.resolve, answer)  # read after the timers that rang meanwhile
        await asking
        assert [] == again

    run(work)


def test_an_answer_is_for_whoever_asked_and_the_first_one_counts() -> None:
    async def work(replies: PendingReplies) -> None:
        asked = [replies.add("work.do", 60) for _ in range(600)]
        assert 600 == len({token for token, _ in asked})
        for token, waiting in reversed(asked):
            replies.resolve(Message(f"_INBOX_me.{token}", token.encode()))
            replies.resolve(Message(f"_INBOX_me.{token}", b"another"))
            waiting.fail(Disconnected("late"))
        for token, waiting in asked:
            assert token.encode() == (await waiting.future).payload
            replies.remove(token)
        replies.resolve(Message(f"_INBOX_me.{asked[0][0]}", b"nobody waits for this"))

    run(work)


def test_tokens_are_no_sequence() -> None:
    async def work(replies: PendingReplies) -> None:
        tokens = [replies.add("work.do", 60)[0] for _ in range(600)]
        assert {16} == {len(token) for token in tokens}
        changed = [(int(a, 16) ^ int(b, 16)).bit_count() for a, b in pairwise(tokens)]
        assert 31 < sum(changed) / len(changed) < 33, "of 64 bits half are others each time"
        for token in tokens:
            replies.remove(token)

    run(work)


def test_who_is_cancelled_waits_no_more() -> None:
    async def work(replies: PendingReplies) -> None:
        asking = [asyncio.ensure_future(ask(replies, 60)) for _ in range(3)]
        await asyncio.sleep(0)
        for one in asking:
            one.cancel()
        await asyncio.wait(asking)

    run(work)


def test_a_failure_that_nobody_fetches_is_no_complaint() -> None:
    complaints: list[object] = []

    async def work(replies: PendingReplies) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        token, waiting = replies.add("work.do", 60)
        waiting.fail(Disconnected("broke"))
        replies.remove(token)
        del waiting

    run(work)
    assert [] == complaints
