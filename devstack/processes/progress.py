"""The words in which a starting stack tells a terminal how it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

State = Literal["starting", "ready", "restarting", "stopping", "stopped", "failed"]

# Name of the process, what became of it, and a detail for a person, which may be empty.
OnProgress = Callable[[str, State, str], None]


def silent(_name: str, _state: State, _detail: str) -> None:
    """Tell nobody."""
