"""The states of processes, as a starting stack reports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

State = Literal["starting", "ready", "restarting", "stopping", "stopped", "failed"]

# Arguments: process name, new state, and a detail for people, which may be empty.
OnProgress = Callable[[str, State, str], None]


def silent(_name: str, _state: State, _detail: str) -> None:
    """Report nothing."""
