"""Files that only their owner can read, also if several processes write them at once."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.private_files import locked, write_private


def test_a_private_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old, and longer")
    path.chmod(0o644)
    write_private(path, "new")
    assert ("new", 0o600) == (path.read_text(), stat.S_IMODE(path.stat().st_mode))
    assert [path] == list(tmp_path.iterdir())


def test_of_many_writers_at_once_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"
    together = threading.Barrier(8)

    def write(text: str) -> None:
        for _ in range(20):
            together.wait(30)
            write_private(path, text)

    texts = [str(number) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write, text) for text in texts]:
            done.result()

    assert path.read_text() in texts
    assert [path] == list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write_private(tmp_path / "file", "new")
    assert [tmp_path / "file"] == list(tmp_path.iterdir())


def test_a_folder_that_another_has_locked_is_an_error_after_a_while(tmp_path: Path) -> None:
    said = f"another process writes to {tmp_path}"
    with locked(tmp_path), pytest.raises(TimeoutError, match=said), locked(tmp_path, wait=0):
        pass
    with locked(tmp_path, wait=0):
        pass
