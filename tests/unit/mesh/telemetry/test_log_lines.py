import asyncio
import os
import threading
from select import PIPE_BUF

import pytest

from mesh.telemetry.log_lines import LogWriter
from mesh.telemetry.streams import BestEffortStream


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def lines(written: list[bytes]) -> LogWriter:
    return LogWriter(written.append)


def test_without_an_event_loop_each_line_is_written_at_once(lines: LogWriter, written: list[bytes]) -> None:
    lines.info(b"a")
    lines.error(b"b")
    assert [b"a\n", b"b\n"] == written


async def test_lines_of_one_turn_are_one_write(lines: LogWriter, written: list[bytes]) -> None:
    with lines.once_a_turn():
        lines.info(b"a")
        lines.debug(b"b")
        assert [] == written
        await asyncio.sleep(0)
        assert [b"a\nb\n"] == written
        lines.info(b"c")
        await asyncio.sleep(0)
        assert [b"a\nb\n", b"c\n"] == written


@pytest.mark.parametrize("method", ["warning", "error", "critical"])
async def test_what_went_wrong_is_written_at_once_and_in_its_place(
    lines: LogWriter, written: list[bytes], method: str
) -> None:
    with lines.once_a_turn():
        lines.info(b"before")
        getattr(lines, method)(b"wrong")
        assert [b"before\n", b"wrong\n"] == written


async def test_at_the_end_nothing_waits(lines: LogWriter, written: list[bytes]) -> None:
    with lines.once_a_turn():
        lines.info(b"a")
    lines.info(b"b")
    assert [b"a\n", b"b\n"] == written


async def test_another_thread_writes_by_itself(lines: LogWriter, written: list[bytes]) -> None:
    with lines.once_a_turn():
        lines.info(b"of the loop")
        for method in (lines.info, lines.error):
            thread = threading.Thread(target=method, args=(b"of a thread",))
            thread.start()
            thread.join()
        assert [b"of a thread\n", b"of a thread\n"] == written
        await asyncio.sleep(0)
        assert b"of the loop\n" == written[-1]


@pytest.mark.parametrize("size", [1, 99, 1000, 1365, 2048, 4095, 4096, 9000])
async def test_a_pipe_takes_what_is_written_together_as_one(lines: LogWriter, written: list[bytes], size: int) -> None:
    with lines.once_a_turn():
        for _ in range(100):
            lines.info(b"x" * size)
    assert (b"x" * size + b"\n") * 100 == b"".join(written)
    assert all(len(together) <= PIPE_BUF or together.count(b"\n") == 1 for together in written)


@pytest.mark.parametrize("size", [100, 700, 3000])
async def test_a_full_pipe_that_does_not_block_loses_whole_lines(size: int) -> None:
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with os.fdopen(writing, "w", closefd=False) as stream:
            lines = LogWriter(BestEffortStream(stream).write)
            with lines.once_a_turn():
                for _ in range(200_000 // size):
                    lines.info(b"x" * size)
            os.read(reading, 20_000)
            lines.info(b"last")
            read = os.read(reading, 1_000_000)
    finally:
        os.close(reading)
        os.close(writing)
    *_, before, last, end = read.split(b"\n")
    assert (b"x" * size, b"last", b"") == (before, last, end)


async def test_much_is_not_kept_until_the_end_of_the_turn(lines: LogWriter, written: list[bytes]) -> None:
    with lines.once_a_turn():
        for _ in range(100):
            lines.info(b"x" * 1000)
        assert written
