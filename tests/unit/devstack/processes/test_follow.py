"""A log as it is followed, whatever a process writes into it."""

import asyncio
from pathlib import Path

from devstack.processes.follow import follow


async def followed(log: Path, written: bytes, count: int) -> list[str]:
    """The first lines that are handed over of what is written."""
    lines: list[str] = []
    enough = asyncio.Event()

    def take(line: str) -> None:
        lines.append(line)
        if len(lines) >= count:
            enough.set()

    following = asyncio.create_task(follow(log, take))
    await asyncio.sleep(0)
    with log.open("ab") as file:
        file.write(written)
    async with asyncio.timeout(30):
        await enough.wait()
    following.cancel()
    return lines


async def test_each_line_is_handed_over(tmp_path: Path) -> None:
    assert ["one", "two", "\ufffd"] == await followed(tmp_path / "log", b"one\ntwo\n\xff\nrest", 3)


async def test_a_line_without_an_end_is_handed_over_in_pieces(tmp_path: Path) -> None:
    pieces = await followed(tmp_path / "log", b"x" * 1_000_000, 3)
    assert {"x"} == set("".join(pieces))
    assert max(map(len, pieces)) < 400_000
