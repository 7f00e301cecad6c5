"""The progress of a benchmark, for people who wait."""

import sys


def show(what: str) -> None:
    """One line; the tables go to standard output, this does not."""
    sys.stderr.write(f"{what}\n")
