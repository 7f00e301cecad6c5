"""How the command ends when it cannot go on."""

import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED = """
import sys, cli.main

class CtrlC:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
cli.main.main()
"""
FULL = Path("/dev/full")


def test_ctrl_c_while_the_command_is_imported_ends_it_without_a_word() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert (130, "", "") == (ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is always full")
def test_output_that_cannot_be_written_is_told_in_one_line() -> None:
    with FULL.open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "cli.main", "subjects"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (1, "mesh: [Errno 28] No space left on device\n") == (ended.returncode, ended.stderr)
