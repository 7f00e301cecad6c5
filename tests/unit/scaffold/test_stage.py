"""Either all files are written, or the project is as it was."""

from pathlib import Path

import pytest

from cli.scaffold.errors import ScaffoldError
from cli.scaffold.stage import Change, apply, changes


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_all_files_are_written_with_their_folders(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    apply(tmp_path, [Change("old", b"new", is_new=False), Change("a/b/c", b"c", is_new=True)])

    assert {"old": b"new", "a": None, "a/b": None, "a/b/c": b"c"} == contents(tmp_path)


def test_a_file_that_cannot_be_written_undoes_the_others(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"no folder")
    before = contents(tmp_path)
    made = [
        Change("old", b"new", is_new=False),
        Change("a/b/c", b"c", is_new=True),
        Change("file/x", b"x", is_new=True),
    ]
    with pytest.raises(OSError, match="Not a directory"):
        apply(tmp_path, made)

    assert before == contents(tmp_path)


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=r"is not a checkout of the project: it needs pyproject\.toml"):
        changes(tmp_path, lambda _: None)
